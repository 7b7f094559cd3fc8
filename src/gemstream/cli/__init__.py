"""The commands: each a thin shell over calls that any program can make."""
