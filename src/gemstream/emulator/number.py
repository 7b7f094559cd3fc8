"""A number that stands as text in a header, a query or a token: read, or found not to be one."""

from __future__ import annotations

__all__ = ("whole_number",)

# So that it fits the 64 bits of a number in the journal; int() refuses more than 4,300.
_MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """Return the number that ``text`` is in plain digits, None for anything else or longer."""
    if len(text) > _MOST_DIGITS or not (text.isascii() and text.isdecimal()):
        return None
    return int(text)
