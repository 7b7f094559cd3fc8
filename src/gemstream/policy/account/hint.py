"""How long a service asks to be left alone, from the best evidence that its answer holds."""

from __future__ import annotations

import datetime
import email.utils
import re

from ...errors import APIError, ConfigError
from ...wire.status import ErrorInfo
from ..pacific import pacific_day

__all__ = ("next_minute", "retry_hint", "until_pacific_midnight")

# No quota is counted over more than a day, so a longer delay is an error of who wrote it.
_LONGEST = 24 * 3600.0
# What a message says stands at its end, and no service writes more than this.
_LONGEST_MESSAGE = 4096
_IN_WORDS = re.compile(r"(?:retry|reset)[^0-9]{0,80}(\d{1,12}(?:\.\d{1,9})?)\s*(ms|s)\b", re.I)
# A Go duration, as ``1h2m3.5s`` or ``373.801628ms``.
_GO_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(h|ms|m|s)", re.ASCII)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NANOSECONDS = 1_000_000_000


def retry_hint(error: APIError, *, retry_after: str | None, wall: float) -> float | None:
    """Return the seconds to wait, at most a day; None when nothing says.

    The order is that of how exact they are: RetryInfo, ``quotaResetDelay`` of an ErrorInfo, the
    words of the message, the header Retry-After as seconds or a date. ``wall``: seconds since 1970.
    """
    found = (
        error.retry_delay,
        _reset_delay(error),
        _delay_in_words(error.message),
        _header_delay(retry_after, wall),
    )
    delay = next((delay for delay in found if delay is not None), None)
    return None if delay is None else min(max(delay, 0.0), _LONGEST)


def until_pacific_midnight(wall: float) -> float:
    """Return the seconds until a daily quota begins anew.

    On a machine without time zones this is the later of the two midnights that the zone can have.
    """
    try:
        _, ends = pacific_day(int(wall * _NANOSECONDS))
    except ConfigError:
        return 24 * 3600.0 - (wall - 8 * 3600.0) % (24 * 3600.0)
    return max(0.0, ends / _NANOSECONDS - wall)


def next_minute(wall: float) -> float:
    """Return the seconds until the next minute begins, at least one."""
    return max(1.0, 60.0 - wall % 60.0)


def _reset_delay(error: APIError) -> float | None:
    infos = [detail for detail in error.details if isinstance(detail, ErrorInfo)]
    named = ((info.metadata or {}).get("quotaResetDelay") for info in infos)
    return next((_go_duration(text) for text in named if text), None)


def _go_duration(text: str) -> float | None:
    pieces = _GO_PIECE.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in pieces)


def _delay_in_words(message: str) -> float | None:
    found = _IN_WORDS.search(message[-_LONGEST_MESSAGE:])
    return float(found[1]) * _SECONDS[found[2].lower()] if found else None


def _header_delay(value: str | None, wall: float) -> float | None:
    """Return the seconds of a Retry-After. Source: RFC 9110, 10.2.3."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        date = email.utils.parsedate_to_datetime(text)
        return date.replace(tzinfo=date.tzinfo or datetime.UTC).timestamp() - wall
    except (ValueError, OverflowError):
        return None
