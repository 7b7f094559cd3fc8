"""SQL that two engines understand, and what comes back."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ("Outcome", "Rows", "Statement", "Unit", "engine_sql", "numbered")

Rows = list[tuple[Any, ...]]
"""What one statement returned; empty for one that returns nothing."""
Outcome = list[Rows] | Exception
"""What became of a unit: the rows of each statement, or why it was refused."""


class Statement(NamedTuple):
    """One statement of SQL and its arguments: None, int, str or bytes, one for each ``?``.

    ``is_repeatable``: run again after it was committed it changes nothing and answers the same.
    That spares Postgres three round trips; every statement is committed once all the same.
    """

    sql: str
    args: tuple[object, ...] = ()
    is_repeatable: bool = False


Unit = tuple[Statement, ...]
"""Statements that are run together or not at all."""

# A text in quotes, in which nothing has a meaning, or one of the marks.
_MARK = re.compile(r"'(?:[^']|'')*'|<(?:now|blob|serial)>|\?")


def engine_sql(sql: str, words: Mapping[str, str]) -> str:
    """Return ``sql`` with an engine's own words in place of the marks: ``<now>``, ``<blob>``."""

    def own(found: re.Match[str]) -> str:
        mark = found[0]
        return words[mark] if mark.startswith("<") else mark

    return _MARK.sub(own, sql)


@functools.lru_cache(maxsize=512)
def numbered(sql: str) -> str:
    """Return ``sql`` with ``$1``, ``$2``, … in place of each ``?``."""
    count = 0

    def number(found: re.Match[str]) -> str:
        nonlocal count
        if found[0] != "?":
            return found[0]
        count += 1
        return f"${count}"

    return _MARK.sub(number, sql)
