"""Closes the rows that a dead process left open, as ``unknown``, with what was last noted of them.

Those counts are a lower bound: the service may have billed more. Should the process live after all
(stopped for half a minute, say), its settlement still takes the place of ``unknown``.
"""

from __future__ import annotations

from ...stores.database import Database
from ...stores.statement import Statement
from .replica import LEASE

__all__ = ("sweep", "sweep_own")

_CLOSE = (
    "UPDATE attempts SET status = 'unknown', is_estimated = 1, "
    "duration = CASE WHEN noted > started THEN noted - started ELSE 0 END WHERE status = 'open'"
)
_DEAD = (
    f"{_CLOSE} AND replica NOT IN "
    "(SELECT replica FROM replicas WHERE heartbeat > <now> - CAST(? AS BIGINT)) RETURNING 1"
)
_OWN = f"{_CLOSE} AND replica = ? RETURNING 1"
# Kept for an hour after its last word, for whoever looks why rows are unknown.
_FORGET = "DELETE FROM replicas WHERE heartbeat < <now> - 3600000000"


async def sweep(database: Database) -> int:
    """Close what processes without a valid lease left open; return how many rows.

    Safe to run in every process at once. Raises StoreUnavailable.
    """
    dead = Statement(_DEAD, (int(LEASE * 1_000_000),))
    closed, _ = await database.run(dead, Statement(_FORGET))
    return len(closed)


async def sweep_own(database: Database, replica: str) -> int:
    """Close what an earlier process under the same name left open; return how many rows.

    Only before ``replica`` opens its first row. Raises StoreUnavailable.
    """
    (closed,) = await database.run(Statement(_OWN, (replica,)))
    return len(closed)
