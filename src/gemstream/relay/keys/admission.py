"""One request that was let in for its key: it holds what it was let in with until it is settled."""

from __future__ import annotations

from collections.abc import Sequence

from ...limits.store import LimitStore
from ...policy.limit.claim import Claim, Spent, Unit
from .budgets import Budgets
from .key import Key
from .remaining import Remaining, remaining_of
from .row import Row

__all__ = ("KeyAdmission",)

# What a stream has used of tokens beyond its estimate is taken in steps of this, ahead of it, so
# that not each chunk writes to the books; what was too much is given back at the end.
_STEP = 256


class KeyAdmission:
    """Ends once, by ``settle`` or ``cancel``; what comes after that is nothing.

    No method waits, and none but ``adjust`` raises, so both ends are safe in a ``finally`` and in
    a task that is cancelled.
    """

    __slots__ = ("_budgets", "_claims", "_is_open", "_name", "_row", "_store", "_taken", "key")

    def __init__(
        self,
        key: Key,
        name: str,
        claims: Sequence[Claim],
        *,
        store: LimitStore,
        budgets: Budgets,
        row: Row | None,
    ) -> None:
        self.key = key
        self._name = name
        self._claims = claims
        self._taken = max((one.cost for one in claims if one.unit is Unit.TOKENS), default=None)
        self._store = store
        self._budgets = budgets
        self._row = row
        self._is_open = True

    @property
    def has_limits(self) -> bool:
        """True when its key is held to limits beside its budget."""
        return bool(self._claims)

    @property
    def is_shared(self) -> bool:
        """True when others than this process count the limits, so that asking takes a moment."""
        return self._store.is_shared

    @property
    def is_open(self) -> bool:
        """True until it is settled or cancelled."""
        return self._is_open

    def adjust(self, tokens: int, micros: int) -> None:
        """Note what was used so far: tokens in all, and micro-dollars in all.

        Raises BudgetExceeded when the key's budget does not bear it: the answer must be cut then,
        and settled with what was used.
        """
        if not self._is_open:
            return
        if self._taken is not None and tokens > self._taken:
            self._taken = tokens + _STEP
            self._store.adjust(self._name, self._claims, self._taken)
        self._budgets.adjust(self.key, self._name, micros)

    def settle(self, tokens: int, micros: int) -> None:
        """End with what was used in all; the place under the key's concurrency is free again."""
        self._end(Spent(1, tokens), micros)

    def cancel(self) -> None:
        """End as if it had not been: nothing was sent, so nothing counts."""
        self._end(Spent(), 0)

    async def remaining(self) -> Remaining:
        """Return what is left of the key's limits, for the headers of an answer; see there."""
        return await remaining_of(self._store, self._claims)

    def _end(self, spent: Spent, micros: int) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._claims:
            self._store.settle(self._name, self._claims, spent)
        self._budgets.settle(self.key, self._name, micros)
        if self._row is not None:
            self._row.wake()
