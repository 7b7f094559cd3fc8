"""Live sessions: a conversation over one connection after another.

``session`` is what a program holds, ``lifeline`` what keeps it, ``connection`` one WebSocket.
"""
