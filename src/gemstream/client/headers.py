"""What can be a header of a request, before any transport is asked."""

from __future__ import annotations

import re

__all__ = ("is_header_name", "is_header_value")

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, 5.6.2
_NO_VALUE = re.compile(r"[\r\n\0]")  # would end the header, and begin another


def is_header_name(name: object) -> bool:
    """Return False for what no header can be called."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_header_value(value: object) -> bool:
    """Return False for what is not text of one line, without NUL."""
    return isinstance(value, str) and _NO_VALUE.search(value) is None
