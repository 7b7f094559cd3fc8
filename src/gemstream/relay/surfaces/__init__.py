"""The faces that the relay shows: one module for each dialect of callers, and its own answers."""
