"""The SQL of every sum over attempts: rows that are not summed up yet, and the sums of the others.

Each attempt is in exactly one of the two, so a sum over both is the same before and after a day is
summed up, and after its rows are deleted.
"""

from __future__ import annotations

from .record import COUNTS

__all__ = ("DAY", "DIMENSIONS", "MEASURES", "live_rows", "summed_rows")

DAY = 86_400_000_000
"""µs of a day, UTC."""
DIMENSIONS = ("day", "key_id", "account", "surface", "operation", "model", "status")
MEASURES = ("attempts", "requests", "estimated", "unpriced", *COUNTS, "cost", "bytes", "chunks")

_OF_A_ROW = {
    "day": f"started / {DAY}",
    "attempts": "1",
    "requests": "CASE WHEN attempt_no = 1 THEN 1 ELSE 0 END",
    "estimated": "is_estimated",
    # Tokens that were counted and have no price; an attempt that was refused has neither.
    "unpriced": "CASE WHEN cost IS NULL AND usage IS NOT NULL THEN 1 ELSE 0 END",
    **{count: f"COALESCE({count}, 0)" for count in COUNTS},
    "cost": "COALESCE(cost, 0)",
}


def live_rows(where: str) -> str:
    """Return the query of all columns for the attempts ``where`` something holds."""
    columns = (f"{_OF_A_ROW.get(name, name)} AS {name}" for name in (*DIMENSIONS, *MEASURES))
    return f"SELECT {', '.join(columns)} FROM attempts WHERE {where}"


def summed_rows(where: str) -> str:
    """Return the query of all columns for the daily sums ``where`` something holds."""
    return f"SELECT {', '.join((*DIMENSIONS, *MEASURES))} FROM daily WHERE {where}"
