"""Recordings: what a real service said, stored as it passes, and said again."""
