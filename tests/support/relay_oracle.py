"""What must hold between an emulator's journal and a relay's books: the laws L1 to L7.

The journal is what the service would bill: a line an answer, on disk before its end is sent. Each
law is a function that gives the sentences it is broken by, none when it holds.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gemstream.config.prices import bundled_prices
from gemstream.policy.cost import Pricing
from gemstream.wire.usage import UsageMetadata

__all__ = ("Billed", "Row", "broken_laws", "read_books", "read_journal")

Row = Mapping[str, Any]

_COUNTS = {
    "prompt_tokens": "promptTokenCount",
    "candidates_tokens": "candidatesTokenCount",
    "total_tokens": "totalTokenCount",
}
# Of these the relay read the service's last word.
_SETTLED = ("ok",)
# Nothing reached the service, or not enough of it that it took the request for one.
_UNSENT = ("unknown", "client_cancel", "drained")


class Billed(msgspec.Struct, frozen=True):
    """A line of the journal: the attempt it was for, how it ended, and its counts if any."""

    attempt: str
    end: str
    usage: Mapping[str, Any] | None


def read_journal(path: Path) -> list[Billed]:
    """Return the lines of a journal that are of a relay's attempts."""
    lines = map(json.loads, path.read_text().splitlines())
    return [
        Billed(line["attempt"], line["end"], line["usage"])
        for line in lines
        if isinstance(line["attempt"], str)
    ]


def read_books(path: Path) -> list[Row]:
    """Return all rows of the books in an SQLite file."""
    connection = sqlite3.connect(path)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM attempts")]
    finally:
        connection.close()


def broken_laws(
    journal: Iterable[Billed],
    rows: Iterable[Row],
    *,
    seen: Mapping[str, int] = {},
    spent: Mapping[str, int] = {},
) -> list[str]:
    """Return what is wrong; ``[]`` when no law is broken.

    ``seen``: tokens in all that a caller read of, by request id. ``spent``: micro-dollars that each
    key has spent, as its budget goes by it.
    """
    billed, booked = list(journal), list(rows)
    return [
        *_lost(billed, booked),
        *_unsent(billed, booked),
        *_miscounted(billed, booked, seen),
        *_mispriced(booked),
        *_unbalanced(booked, spent),
        *_open(booked),
    ]


def _name(row: Row) -> str:
    return f"{row['request_id']}.{row['attempt_no']}"


def _lost(billed: list[Billed], rows: list[Row]) -> Iterator[str]:
    """L1: every attempt that was billed has exactly one row, and was billed once."""
    names = Counter(map(_name, rows))
    bills = Counter(one.attempt for one in billed)
    for attempt, number in bills.items():
        if number != 1:
            yield f"L1: {attempt} was billed {number} times"
        if names[attempt] != 1:
            yield f"L1: {attempt} was billed and has {names[attempt]} rows"


def _unsent(billed: list[Billed], rows: list[Row]) -> Iterator[str]:
    """L2: no row without a dispatch, but of who died or was left while sending."""
    sent = {one.attempt for one in billed}
    for row in rows:
        is_explained = row["status"] in _UNSENT or str(row["error"]).startswith("Connect")
        if _name(row) not in sent and not is_explained:
            yield f"L2: {_name(row)} is {row['status']} ({row['error']}) and was never sent"


def _miscounted(billed: list[Billed], rows: list[Row], seen: Mapping[str, int]) -> Iterator[str]:
    """L3: what was settled is what was billed; what was cut short is no less than what was seen."""
    bills = {one.attempt: one.usage for one in billed}
    for row in rows:
        usage = bills.get(_name(row))
        if row["status"] in _SETTLED and not row["is_estimated"]:
            if usage is None:
                yield f"L3: {_name(row)} is settled and was not billed"
                continue
            for column, field in _COUNTS.items():
                if (row[column] or 0) != usage.get(field, 0):
                    yield f"L3: {_name(row)}: {column} {row[column]}, billed {usage.get(field)}"
        elif row["status"] not in ("unknown", "open"):
            least = seen.get(row["request_id"], 0)
            if (row["total_tokens"] or 0) < least and row["attempt_no"] == 1:
                yield f"L3: {_name(row)} has {row['total_tokens']} tokens, its caller saw {least}"


def _mispriced(rows: list[Row]) -> Iterator[str]:
    """L4: each cost is the price of its tokens, in whole micro-dollars."""
    for row in rows:
        usage = None if row["usage"] is None else msgspec.json.decode(row["usage"], type=dict)
        day = datetime.datetime.fromtimestamp(row["started"] / 1e6, datetime.UTC).date()
        pricing = Pricing(table=bundled_prices(), model=row["model"], on=day)
        read = None if usage is None else msgspec.json.decode(row["usage"], type=UsageMetadata)
        cost = pricing.tariff("").cost(read)
        if row["cost"] != (None if cost is None else cost.micros):
            yield f"L4: {_name(row)} costs {row['cost']}, its tokens {cost}"


def _unbalanced(rows: list[Row], spent: Mapping[str, int]) -> Iterator[str]:
    """L5: what a key has spent is the sum of its rows."""
    for key, micros in spent.items():
        total = sum(row["cost"] or 0 for row in rows if row["key_id"] == key)
        if total != micros:
            yield f"L5: key {key} has spent {micros}, its rows {total}"


def _open(rows: list[Row]) -> Iterator[str]:
    """L6: nothing stays open."""
    for row in rows:
        if row["status"] == "open":
            yield f"L6: {_name(row)} is open still"
