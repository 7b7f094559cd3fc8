"""Live sessions of the emulator: one WebSocket each, judged by the same protocol as our client's.

``entrance`` opens and closes a connection, ``connection`` moves its frames, ``session`` holds the
conversation. ``ear`` gathers what the user says and shows, by ``hearing`` when it is speech;
``floor`` says whose turn it is, ``turn`` is one answer, ``functions`` knows which calls it waits
for; ``speech`` makes the sound.
"""
