"""What a value of the configuration must be: each check returns it as it is meant, or raises.

The error is a ValueError that says what the value must be; who knows the file and the line makes
a ConfigError of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .dollars import decimal_of
from .prices import HIGHEST

__all__ = (
    "FOREVER",
    "UNLIMITED",
    "Check",
    "choice",
    "chunks",
    "limit",
    "patience",
    "rate",
    "seconds",
    "share",
    "store",
    "switch",
    "text",
    "timeout",
    "usd",
    "whole",
)

Check = Callable[[Any], Any]

UNLIMITED = "unlimited"
FOREVER = "forever"
_LARGEST = 2**53  # beyond it the arithmetic of a limiter would round


def text(value: Any) -> str:
    """Return one line of text that is not empty."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("it must be text of one line, not empty")
    return value


def choice(*names: str) -> Check:
    """Return the check of one of ``names``."""

    def check(value: Any) -> str:
        if value not in names or not isinstance(value, str):
            raise ValueError(f"it must be one of {', '.join(names)}")
        return value

    return check


def switch(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("it must be true or false")
    return value


def whole(least: int) -> Check:
    """Return the check of a whole number from ``least`` on."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= _LARGEST:
            raise ValueError(f"it must be a whole number from {least} on")
        return value

    return check


def limit(value: Any) -> int | None:
    """Return a limit; None is no limit."""
    if value == UNLIMITED:
        return None
    if type(value) is not int or not 1 <= value <= _LARGEST:
        raise ValueError(f'it must be a whole number from 1 on, or "{UNLIMITED}"')
    return value


def share(value: Any) -> float:
    """Return a share of a limit."""
    if not _is_number(value) or not 0 < value <= 1:
        raise ValueError("it must be a number above 0 and at most 1, as 0.8")
    return float(value)


def seconds(value: Any) -> float:
    """Return a length of time that may be zero."""
    if not _is_number(value) or not 0 <= value <= sys.float_info.max:
        raise ValueError("it must be seconds, finite and not negative")
    return float(value)


def timeout(value: Any) -> float | None:
    """Return a length of time; None is no end."""
    if value == FOREVER:
        return None
    if not _is_number(value) or not 0 < value <= sys.float_info.max:
        raise ValueError(f'it must be a positive number of seconds, or "{FOREVER}"')
    return float(value)


def patience(value: Any) -> float | None:
    """Return how long to wait; 0 is not at all, None is for as long as it takes."""
    if value == FOREVER:
        return None
    if not _is_number(value) or not 0 <= value <= sys.float_info.max:
        raise ValueError(f'it must be a number of seconds, 0 for no wait, or "{FOREVER}"')
    return float(value)


def chunks(value: Any) -> int | None:
    """Return every how many chunks something is done; None is never."""
    if value is False:
        return None
    if type(value) is not int or not 1 <= value <= _LARGEST:
        raise ValueError("it must be a whole number of chunks from 1 on, or false")
    return value


def usd(value: Any) -> float:
    """Return an amount of dollars."""
    if not _is_number(value) or not 0 <= value <= sys.float_info.max:
        raise ValueError("it must be dollars, not negative")
    return float(value)


def rate(value: Any) -> Any:
    """Return a price as it is written: USD per million tokens."""
    dollars = decimal_of(value)
    if dollars is None or not 0 <= dollars <= HIGHEST:
        raise ValueError(f"it must be USD per million tokens, from 0 to {HIGHEST:,}")
    return value


def store(value: Any) -> str:
    """Return where limits are counted: "process", "machine", or the URL of a Redis.

    The error does not show a URL, for it may hold a password.
    """
    if value in ("process", "machine"):
        return str(value)
    if isinstance(value, str) and re.match(r"rediss?://", value) and _has_host(value):
        return value
    if isinstance(value, str) and re.fullmatch(r"unix://(\S*@)?/\S+", value):
        return value
    raise ValueError('it must be "process", "machine", or a URL as redis://localhost:6379/0')


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
