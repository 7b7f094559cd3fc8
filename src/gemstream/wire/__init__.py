"""Bytes ↔ meaning: Gemini's types, stream framing, error envelope and endpoint table.

Pure: no awaits, clocks, randomness, environment, logging or sockets. Every type is encoded and
decoded by the same code, so client, relay and emulator cannot drift apart.
"""
