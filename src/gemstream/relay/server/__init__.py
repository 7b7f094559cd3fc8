"""The relay as a program: it listens, guards the wire, reloads its file, and leaves gently."""
