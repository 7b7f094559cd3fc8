"""Decisions, as pure objects: facts go in, values and verdicts come out.

No awaits, clocks, randomness, environment, logging or sockets: time and jitter are arguments.
"""
