"""Callers' keys as arithmetic: their format, what they may do, what they may still cost.

Pure: random bytes and moments are arguments, verdicts are values. ``gemstream.relay.keys`` acts.
"""
