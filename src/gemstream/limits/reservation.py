"""What one request holds of its limits, from before it is sent until it is settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..policy.limit.claim import Claim, Spent
from .store import LimitStore

__all__ = ("Reservation",)


class Reservation:
    """Settled exactly once, from wherever: a destructor and another thread may do it too."""

    __slots__ = ("_claims", "_name", "_on_change", "_store", "is_open")

    def __init__(
        self,
        store: LimitStore,
        name: str,
        claims: Sequence[Claim],
        on_change: Callable[[], None],
    ) -> None:
        self._store = store
        self._name = name
        self._claims = claims
        self._on_change = on_change
        self.is_open = True

    def stamp(self) -> None:
        """Note that the head of the answer is here: from now on its time in the windows runs."""
        self._store.stamp(self._name, self._claims)
        self._on_change()

    def adjust(self, tokens: int) -> None:
        """Correct what was used of tokens so far."""
        self._store.adjust(self._name, self._claims, tokens)
        self._on_change()

    def settle(self, spent: Spent) -> None:
        """Correct what was used to what it was, and free what runs; again is nothing."""
        if self.is_open:
            self.is_open = False
            self._store.settle(self._name, self._claims, spent)
            self._on_change()
