"""Sums up finished days and deletes rows for their age; the sums stay, so no total moves.

A row that is settled never changes again, so it may be summed up; one whose process died
(``unknown``) may still get its true settlement and waits until it is deleted. It goes by pieces:
each is one transaction of some 20 ms, for others write to the same file. Safe in every process at
once: a row is summed up by whoever marks it first.
"""

from __future__ import annotations

from ...stores.database import Database
from ...stores.statement import Statement
from .sums import DAY, DIMENSIONS, MEASURES, live_rows

__all__ = ("sum_up",)

_PIECE = 1000
_FINAL = "status <> 'open' AND status <> 'unknown'"
_CLOSED = "status <> 'open'"

# The mark is asked for twice: a Postgres that waited for another who summed up the same rows looks
# again at the outer condition alone.
_MARK = (
    "UPDATE attempts SET is_rolled = 2 WHERE is_rolled = 0 AND (request_id, attempt_no) IN ("
    "SELECT request_id, attempt_no FROM attempts WHERE is_rolled = 0 AND started < ? AND {which} "
    f"LIMIT {_PIECE}) RETURNING 1"
)
_SUMS = ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in MEASURES)
_ADD = (
    f"INSERT INTO daily ({', '.join((*DIMENSIONS, *MEASURES))}) "
    f"SELECT {', '.join(DIMENSIONS)}, {_SUMS} FROM ({live_rows('is_rolled = 2')}) AS marked "
    f"WHERE attempts > 0 GROUP BY {', '.join(DIMENSIONS)} "
    f"ON CONFLICT ({', '.join(DIMENSIONS)}) DO UPDATE SET "
    + ", ".join(f"{name} = daily.{name} + excluded.{name}" for name in MEASURES)
)
_DONE = "UPDATE attempts SET is_rolled = 1 WHERE is_rolled = 2"
_DELETE = (
    "DELETE FROM attempts WHERE (request_id, attempt_no) IN (SELECT request_id, attempt_no "
    f"FROM attempts WHERE started < ? AND is_rolled = 1 LIMIT {_PIECE}) RETURNING 1"
)


async def sum_up(database: Database, now: int, retention: int | None) -> int:
    """Sum up the days before that of ``now`` (µs since 1970) and return how many rows were deleted.

    ``retention``: days that rows are kept beside the present one; None for ever. Safe to cancel;
    the next call goes on. Raises StoreUnavailable.
    """
    today = now - now % DAY
    await _roll(database, today, _FINAL)
    if retention is None:
        return 0
    oldest = today - retention * DAY
    await _roll(database, oldest, _CLOSED)
    deleted = 0
    while True:
        (piece,) = await database.run(Statement(_DELETE, (oldest,)))
        deleted += len(piece)
        if not piece:
            return deleted


async def _roll(database: Database, before: int, which: str) -> None:
    mark = Statement(_MARK.format(which=which), (before,))
    while (await database.run(mark, Statement(_ADD), Statement(_DONE)))[0]:
        pass
