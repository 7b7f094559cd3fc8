"""Live sessions: one connection, turns and events.

Not here yet: going on in another connection after a farewell or a loss, limits, metrics, and a
blocking face.
"""
