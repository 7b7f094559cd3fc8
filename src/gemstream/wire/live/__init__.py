"""The Live API on the wire: messages of both sides, addresses, close codes, ephemeral tokens.

Source: https://ai.google.dev/api/live and the official SDK 3.4.0 for the newer fields.
"""
