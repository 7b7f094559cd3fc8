"""The arithmetic of limits: how much was used, whether more fits, and when it would.

Pure: moments are arguments, verdicts are values. ``gemstream.limits`` waits.
"""
