"""A day of UTC as callers and operators write it."""

from __future__ import annotations

import datetime
import re

__all__ = ("utc_day",)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def utc_day(text: str) -> datetime.date:
    """Return the day that ``text`` names, as 2027-01-31; raises ValueError for anything else.

    Stricter than ``date.fromisoformat``, which knows weeks and dates without dashes.
    """
    if not _DAY.fullmatch(text):
        raise ValueError("it must be a day of UTC, as 2027-01-31")
    return datetime.date.fromisoformat(text)
