"""What keys have spent, out of the ledger's rows: where budgets begin, and what they follow."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...policy.key.budget import Spending
from ...stores.database import Database
from ..ledger.spent import spent
from .budgets import SpendingOf

__all__ = ("spending_in",)


def spending_in(
    database: Database, wall: Callable[[], int] = lambda: time.time_ns() // 1000
) -> SpendingOf:
    """Return what tells ``Budgets`` the spending of keys by the ledger in ``database``.

    ``wall``: µs since 1970. What attempts have set aside that are under way is not in it: those of
    this process are held here, and those of others are known once they cost something.
    """

    async def spending_of(key_id: str) -> Spending:
        found = await spent(database, key_id, wall())
        return Spending(day=found.day, month=found.month, total=found.total)

    return spending_of
