"""Live sessions of the emulator: one WebSocket each, judged by the same protocol as our client's.

``entrance`` opens and closes a connection, ``session`` holds the conversation, ``turn`` is one
answer in it, ``connection`` moves the frames; ``speech`` makes the sound.
"""
