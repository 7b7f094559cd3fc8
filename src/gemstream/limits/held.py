"""What this process runs by the shared books: every name has a lease there, renewed from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from ..policy.limit.claim import Claim, Kind, Unit
from .redis_batch import Operation, scope_of

__all__ = ("Held", "HeldRequests")

# A stamped request is in flight no more; these are held until it is settled.
_TO_THE_END = (Kind.SLOTS, Kind.RATE)


class Held(msgspec.Struct):
    """One request; ``is_new``: let in while the books were away, which thus do not know of it."""

    claims: Sequence[Claim]
    costs: list[int]
    is_new: bool
    is_stamped: bool = False


class HeldRequests:
    """All that runs. Used by one thread, but for ``runs_in``."""

    __slots__ = ("_requests", "_scopes")

    def __init__(self) -> None:
        self._requests: dict[str, Held] = {}
        self._scopes: Counter[str] = Counter()  # how many run in each

    def __len__(self) -> int:
        """Return how many run."""
        return len(self._requests)

    @property
    def names(self) -> list[str]:
        """The names of all that run."""
        return list(self._requests)

    def take(self, name: str, claims: Sequence[Claim], *, is_new: bool) -> None:
        """Note that the request called ``name`` was let in."""
        costs = [claim.cost for claim in claims]
        self._requests[name] = Held(claims, costs, is_new)
        self._scopes[scope_of(claims)] += 1

    def runs_in(self, scope: str) -> bool:
        """True when something of ``scope`` runs; any thread may ask."""
        return scope in self._scopes

    def receive(self, operation: Operation) -> None:
        """Note what an operation says of what runs."""
        if operation.what == "admit":
            self.take(operation.name, operation.claims, is_new=True)
        elif operation.what == "settle":
            self._forget(operation.name)
        elif operation.name in self._requests:
            held = self._requests[operation.name]
            if operation.what == "stamp":
                held.is_stamped = True
            elif operation.what == "adjust" and operation.costs:
                tokens = operation.costs[0]
                held.costs = [
                    tokens if claim.unit is Unit.TOKENS else cost
                    for claim, cost in zip(held.claims, held.costs, strict=True)
                ]

    def _forget(self, name: str) -> None:
        held = self._requests.pop(name, None)
        if held is not None:
            scope = scope_of(held.claims)
            self._scopes[scope] -= 1
            if not self._scopes[scope]:
                del self._scopes[scope]

    def renewals(
        self, name: str, lost: Callable[[str, str], None]
    ) -> Iterator[tuple[str, Operation]]:
        """Return what renews the lease of ``name``, by scope.

        ``lost`` is called with the scope and the name when the books had forgotten it: then it is
        counted again, whether it fits or not, for an answer that is paid for is not cut.
        """
        held = self._requests.get(name)
        if held is None:
            return
        scope = scope_of(held.claims)
        if held.is_new:
            yield scope, self._enter(name, held)
            if held.is_stamped:
                yield scope, Operation("stamp", name, held.claims)
            return
        kept = [
            (claim, cost)
            for claim, cost in zip(held.claims, held.costs, strict=True)
            if not held.is_stamped or claim.limit.kind in _TO_THE_END
        ]
        if kept:
            claims, costs = zip(*kept, strict=True)

            def answered(answer: list[int] | Exception) -> None:
                if not isinstance(answer, Exception) and answer[0]:
                    lost(scope, name)

            yield scope, Operation("renew", name, claims, costs, answered)

    def _enter(self, name: str, held: Held) -> Operation:
        def answered(answer: list[int] | Exception) -> None:
            if not isinstance(answer, Exception):
                held.is_new = False

        return Operation("enter", name, held.claims, held.costs, answered)
