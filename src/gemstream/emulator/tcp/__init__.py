"""The faults of the wire: a TCP proxy before the emulator that breaks what passes."""
