"""The limits of models as rows for people and as JSON for programs; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..limits.limit_use import LimitUse
from ..limits.refusal import quota_words, time_words

__all__ = ("SCHEMA", "Report", "changed", "fields", "table")

SCHEMA = "gemstream.limits/1"
_HEAD = ("MODEL", "LIMIT", "USED", "LEFT", "WAITING", "FREE IN", "FROM")
_TO_THE_RIGHT = range(2, 6)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How much is used at ``base_url``.

    ``tier`` is None when none is kept to; ``origin``: where it is named. ``store``: where is
    counted, without a password.
    """

    base_url: str
    tier: str | None
    origin: str
    store: str
    limits: Sequence[LimitUse] = ()


def table(uses: Sequence[LimitUse]) -> list[str]:
    """Return a head and a line for each limit."""
    rows = [_HEAD, *map(_row, uses)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return ["  ".join(_cells(row, widths)).rstrip() for row in rows]


def fields(report: Report) -> dict[str, Any]:
    """Return the object that tells all of it, times in milliseconds' precision."""
    told = msgspec.structs.asdict(report)
    return {"schema": SCHEMA, **told, "limits": [_fields(use) for use in report.limits]}


def changed(before: Sequence[LimitUse], now: Sequence[LimitUse]) -> list[LimitUse]:
    """Return what of ``now`` is other than before; that time passes is no change.

    What has gone, as a hold that is over, comes with nothing used.
    """
    old = {(use.model, use.quota): use for use in before}
    new = {(use.model, use.quota): use for use in now}
    gone = [_emptied(use) for place, use in old.items() if place not in new]
    return gone + [use for place, use in new.items() if _lasting(use) != _lasting(old.get(place))]


def _row(use: LimitUse) -> tuple[str, ...]:
    frees = "" if use.resets_in is None else time_words(use.resets_in)
    if use.limit is None:
        held = "held back" if use.used else "no longer held back"
        return (use.model, held, "", "", str(use.waiting), frees, use.setting)
    allowed = quota_words(use.quota, use.limit)
    used, left = f"{use.used:,}", f"{use.left:,}"
    return (use.model, allowed, used, left, str(use.waiting), frees, use.setting)


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        f"{cell:>{width}}" if column in _TO_THE_RIGHT else f"{cell:<{width}}"
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _fields(use: LimitUse) -> dict[str, Any]:
    told = msgspec.structs.asdict(use)
    if use.resets_in is not None:
        told["resets_in"] = round(use.resets_in, 3)
    return told


def _lasting(use: LimitUse | None) -> LimitUse | None:
    return None if use is None else msgspec.structs.replace(use, resets_in=None)


def _emptied(use: LimitUse) -> LimitUse:
    return msgspec.structs.replace(use, used=0, left=use.limit, resets_in=None, waiting=0)
