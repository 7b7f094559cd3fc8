"""What a key has spent, for its budgets: added up from the rows, never a counter of its own."""

from __future__ import annotations

import datetime

import msgspec

from ...stores.database import Database
from .sums import DAY

__all__ = ("Spent", "spent")

_SPENT = f"""
SELECT
    CAST(COALESCE(SUM(CASE WHEN day >= ? THEN cost ELSE 0 END), 0) AS BIGINT),
    CAST(COALESCE(SUM(CASE WHEN day >= ? THEN cost ELSE 0 END), 0) AS BIGINT),
    CAST(COALESCE(SUM(cost), 0) AS BIGINT),
    CAST(COALESCE(SUM(reserved), 0) AS BIGINT)
FROM (
    SELECT started / {DAY} AS day, COALESCE(cost, 0) AS cost,
        CASE WHEN status = 'open' AND reserved_micros > COALESCE(cost, 0)
            THEN reserved_micros - COALESCE(cost, 0) ELSE 0 END AS reserved
    FROM attempts WHERE key_id = ? AND is_rolled = 0
    UNION ALL
    SELECT day, cost, 0 FROM daily WHERE key_id = ?
) AS parts
"""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Micro-dollars of a key: this UTC day, this UTC month and in all.

    An attempt belongs to the day it began in. ``reserved``: what attempts that are under way, at
    any process, set aside beyond what they are known to have cost; it is in none of the others.
    """

    day: int
    month: int
    total: int
    reserved: int


async def spent(database: Database, key_id: str, now: int) -> Spent:
    """Return what a key has spent, at ``now`` (µs since 1970); attempts without a price are 0.

    It reads today's rows of the key and one row for each earlier day. Raises StoreUnavailable.
    """
    today = now // DAY
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=today)
    first = today - (date.day - 1)
    ((day, month, total, reserved),) = await database.fetch(_SPENT, today, first, key_id, key_id)
    return Spent(day=day, month=month, total=total, reserved=reserved)
