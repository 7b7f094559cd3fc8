"""The retry budget of an account at one address: the same for all clients of the process."""

from __future__ import annotations

import threading

from ..policy.retry import RetryBudget
from .kept import Kept
from .worlds import Worlds

__all__ = ("RetryBudgets", "SharedRetryBudget", "budgets_of", "process_budgets")


class SharedRetryBudget(RetryBudget):
    """A retry budget that many threads withdraw from."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self, capacity: int = 500) -> None:
        super().__init__(capacity)
        self._lock = threading.Lock()  # held for a sum, never over an await

    def withdraw(self, cost: int) -> bool:
        """Take ``cost`` and return True, or return False when less is left."""
        with self._lock:
            return super().withdraw(cost)

    def deposit(self, amount: int = 1) -> None:
        """Give back ``amount``, never above the capacity."""
        with self._lock:
            super().deposit(amount)


# By scope, an account at an address; a full one says nothing that a new one would not.
RetryBudgets = Kept[SharedRetryBudget]


def _new_budgets() -> RetryBudgets:
    return Kept(lambda scope: SharedRetryBudget(), lambda budget: budget.is_full)


_of_process = _new_budgets()
_of_worlds = Worlds(_new_budgets)


def process_budgets() -> RetryBudgets:
    """Return the budgets that every client of this process shares."""
    return _of_process


def budgets_of(world: object) -> RetryBudgets:
    """Return the budgets of ``world``, as a transport: the same for all who have it."""
    return _of_worlds.of(world)
