"""Usage by key, model, account or day, and in all; as rows, CSV or JSON."""

from __future__ import annotations

import csv
import datetime
import enum
import io
from collections.abc import Iterable, Sequence

import msgspec

from ...stores.database import Database
from .sums import DAY, MEASURES, live_rows, summed_rows

__all__ = (
    "UsageBy",
    "UsageQuery",
    "UsageRow",
    "total_of",
    "usage_csv",
    "usage_json",
    "usage_report",
)

_EPOCH = datetime.date(1970, 1, 1)
# A spreadsheet takes a cell that begins so for a formula, and callers choose the names of models.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class UsageBy(enum.Enum):
    """What the rows of a report are about."""

    KEY = "key"
    MODEL = "model"
    ACCOUNT = "account"
    DAY = "day"


_COLUMN = {
    UsageBy.KEY: "key_id",
    UsageBy.MODEL: "model",
    UsageBy.ACCOUNT: "account",
    UsageBy.DAY: "day",
}


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which attempts count: ``since`` and ``until`` are UTC days, both included; None is all."""

    since: datetime.date | None = None
    until: datetime.date | None = None
    key_id: str | None = None
    account: str | None = None
    model: str | None = None
    surface: str | None = None


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the attempts under one ``name`` (a day as 2026-01-31) came to; cost in micro-dollars.

    ``requests``: those whose first attempt is among them. ``ok``: attempts that ended well;
    ``open``: those under way, with what is known so far. ``estimated``: those whose counts are not
    the service's last word. ``unpriced``: those with tokens whose cost is not known.
    ``prompt_tokens`` includes the cached ones.
    """

    name: str
    attempts: int
    requests: int
    ok: int
    open: int
    estimated: int
    unpriced: int
    prompt_tokens: int
    cached_tokens: int
    cache_creation_tokens: int
    candidates_tokens: int
    thoughts_tokens: int
    tool_use_tokens: int
    total_tokens: int
    cost: int
    bytes: int
    chunks: int


_FIELDS = UsageRow.__struct_fields__
_MEASURED = {
    **{name: name for name in MEASURES},
    "ok": "CASE WHEN status = 'ok' THEN attempts ELSE 0 END",
    "open": "CASE WHEN status = 'open' THEN attempts ELSE 0 END",
}
_SUMS = ", ".join(f"CAST(SUM({_MEASURED[name]}) AS BIGINT)" for name in _FIELDS[1:])


async def usage_report(
    database: Database, by: UsageBy, query: UsageQuery | None = None
) -> tuple[UsageRow, ...]:
    """Return a row for each key, model, account or day that has attempts; days in their order.

    Others by cost, the dearest first. Raises StoreUnavailable.
    """
    column = _COLUMN[by]
    parts, where, args = _conditions(query or UsageQuery())
    rows = await database.fetch(
        f"SELECT {column}, {_SUMS} FROM ({parts}) AS parts WHERE {where} GROUP BY {column}", *args
    )
    found = [UsageRow(**dict(zip(_FIELDS, (_name(row[0]), *row[1:]), strict=True))) for row in rows]
    if by is UsageBy.DAY:
        return tuple(sorted(found, key=lambda row: row.name))
    return tuple(sorted(found, key=lambda row: (-row.cost, row.name)))


def total_of(rows: Iterable[UsageRow]) -> UsageRow:
    """Return the sum of all rows of a report, under the name ``total``."""
    sums = dict.fromkeys(_FIELDS[1:], 0)
    for row in rows:
        for name in sums:
            sums[name] += getattr(row, name)
    return UsageRow(name="total", **sums)


def usage_csv(rows: Sequence[UsageRow]) -> str:
    """Return rows as CSV (RFC 4180) with a header; the cost in micro-dollars.

    A name that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_FIELDS)
    for row in rows:
        name = f"'{row.name}" if row.name.startswith(_FORMULA) else row.name
        writer.writerow((name, *(getattr(row, field) for field in _FIELDS[1:])))
    return text.getvalue()


def usage_json(rows: Sequence[UsageRow]) -> bytes:
    """Return rows and their total as JSON: ``{"rows": […], "total": {…}}``."""
    return msgspec.json.encode({"rows": rows, "total": total_of(rows)})


def _conditions(query: UsageQuery) -> tuple[str, str, list[object]]:
    """Return the queries of both halves, what must hold for their rows, and the arguments."""
    live, summed = ["is_rolled = 0"], ["1 = 1"]
    days = list[int]()
    if query.since is not None:
        live.append("started >= ?")
        summed.append("day >= ?")
        days.append(_number(query.since))
    if query.until is not None:
        live.append("started < ?")
        summed.append("day < ?")
        days.append(_number(query.until) + 1)
    chosen = {
        name: value
        for name in ("key_id", "account", "model", "surface")
        if (value := getattr(query, name)) is not None
    }
    parts = f"{live_rows(' AND '.join(live))} UNION ALL {summed_rows(' AND '.join(summed))}"
    where = " AND ".join(["attempts > 0", *(f"{name} = ?" for name in chosen)])
    return parts, where, [*(day * DAY for day in days), *days, *chosen.values()]


def _number(day: datetime.date) -> int:
    return (day - _EPOCH).days


def _name(value: str | int) -> str:
    """Return a key's, model's or account's name, or the day that a number stands for."""
    return value if isinstance(value, str) else str(_EPOCH + datetime.timedelta(days=value))
