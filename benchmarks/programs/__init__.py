"""The programs that a measurement starts, each in a fresh process, and what they share."""
