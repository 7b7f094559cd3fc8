"""The relay: route, admit, open, pump, settle."""
