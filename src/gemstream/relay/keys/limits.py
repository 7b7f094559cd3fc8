"""Whether a key's request may run now: its limits and its budget, all of them or none.

Strategy. The budget is reserved in this process, the limits in one step of the store, where the
lease on a place under the key's concurrency is taken with them. Whatever is raised in between
gives back what was taken. Only a place is waited for, in a bounded row; a rate is refused with the
time at which it fits.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import RateLimited
from ...limits.refusal import limit_words, quota_words, time_words
from ...limits.store import LimitStore
from ...policy.limit.claim import Claim, Kind, Refused, Spent, Wait
from .admission import KeyAdmission
from .budgets import Budgets
from .key import Key
from .quotas import KeyClaims
from .remaining import Remaining, remaining_of
from .row import Row

__all__ = ("KeyLimits",)

# How often a place that another process may have given back is asked for.
_POLL = 0.25


class KeyLimits:
    """The limits and budgets of all keys in one process; used by one event loop.

    ``store``: where limits are counted, shared when several processes are to keep one limit.
    """

    __slots__ = ("_claims", "_rows", "_store", "budgets")

    def __init__(self, store: LimitStore, budgets: Budgets | None = None) -> None:
        self._store = store
        self.budgets = budgets or Budgets()
        self._claims: dict[str, KeyClaims] = {}
        self._rows: dict[str, Row] = {}

    async def admit(
        self,
        key: Key,
        tokens: int,
        micros: int,
        *,
        least_tokens: int = 0,
        least_micros: int = 0,
    ) -> KeyAdmission:
        """Return once the key's request may run; the admission must be settled or cancelled.

        ``tokens`` and ``micros``: what it may use, prompt and answer, and may cost in
        micro-dollars; as much of it is reserved as the limit and the budget have. ``least_…``:
        what it uses and costs for sure, as by its prompt, which they must have.

        Waits for a place under the key's concurrency only, and no longer than its
        ``queue_timeout``. Raises RateLimited, BudgetExceeded, and StoreUnavailable for limits or
        a budget that cannot be read. Cancelling is safe at any moment.
        """
        await self.budgets.prepare(key)
        claims = self._claims_of(key).of(tokens, least_tokens)
        name = self._store.new_name()
        self.budgets.reserve(key, name, micros, least_micros)
        try:
            if claims:
                await self._reserve(key, name, claims)
        except BaseException:
            self.budgets.settle(key, name, 0)
            raise
        return KeyAdmission(
            key,
            name,
            claims,
            store=self._store,
            budgets=self.budgets,
            row=self._rows.get(key.id),
        )

    async def remaining(self, key: Key) -> Remaining:
        """Return what is left of the key's limits. Raises StoreUnavailable; safe to cancel."""
        return await remaining_of(self._store, self._claims_of(key).of(0))

    def waiting(self, key_id: str) -> int:
        """Return how many requests of this process wait for a place under the key's concurrency."""
        return len(self._rows.get(key_id, ()))

    def forget(self, key_id: str) -> None:
        """Drop what is kept for a key that is no more; what still runs of it settles as ever.

        Its row of waiters stays, a few hundred bytes: what runs wakes those who wait there, should
        the key come back.
        """
        self._claims.pop(key_id, None)
        self.budgets.forget(key_id)

    def _claims_of(self, key: Key) -> KeyClaims:
        claims = self._claims.get(key.id)
        if claims is None or claims.quotas is not key.quotas:
            claims = self._claims[key.id] = KeyClaims(key.id, key.quotas)
            if key.quotas.concurrency is not None and key.id not in self._rows:
                self._rows[key.id] = Row(_POLL if self._store.is_shared else None)
        return claims

    async def _reserve(self, key: Key, name: str, claims: Sequence[Claim]) -> None:
        """Take all of ``claims``, in the row behind those who wait already."""
        row = self._rows.get(key.id)
        nobody_waits = row is None or len(row) == 0
        if nobody_waits and await self._try(key, name, claims):
            return
        if row is None or len(row) >= key.quotas.queue:
            raise _no_place(key)
        try:
            await row.stand(lambda: self._try(key, name, claims), key.quotas.queue_timeout)
        except TimeoutError:
            raise _no_place(key, waited=key.quotas.queue_timeout) from None

    async def _try(self, key: Key, name: str, claims: Sequence[Claim]) -> bool:
        """Return whether ``claims`` were taken; False when a place is all that is missing."""
        try:
            verdict = await self._store.reserve(name, claims)
        except BaseException:
            self._store.settle(name, claims, Spent())  # perhaps it was just taken
            raise
        if verdict is None:
            return True
        if isinstance(verdict, Refused):
            raise _too_large(key, verdict.claim)
        if verdict.claim.limit.kind is Kind.SLOTS:
            return False
        raise self._full(key, verdict)

    def _full(self, key: Key, wait: Wait) -> RateLimited:
        seconds = None
        when = "later"
        if wait.until is not None:
            seconds = self._store.seconds(max(0, wait.until - self._store.moment().now))
            when = f"in {time_words(seconds)}"
        return RateLimited(
            f"{_limit(key, wait.claim)} is used up; try again {when}",
            quota=wait.claim.quota,
            limit=wait.claim.limit.amount,
            retry_delay=seconds,
        )


def _limit(key: Key, claim: Claim) -> str:
    return f"key {key.name!r:.80}: the limit of {limit_words(claim)}"


def _too_large(key: Key, claim: Claim) -> RateLimited:
    most = quota_words(claim.quota, claim.limit.most)
    return RateLimited(
        f"key {key.name!r:.80}: the request needs {claim.cost:,} of the {most} that may come at "
        "once, so it never fits; send less in one request",
        quota=claim.quota,
        limit=claim.limit.most,
        retryable=False,
    )


def _no_place(key: Key, waited: float | None = None) -> RateLimited:
    amount = key.quotas.concurrency or 0
    why = "is used up" if waited is None else f"stayed used up for {time_words(waited)}"
    full = f", and {key.quotas.queue} wait already" if key.quotas.queue and waited is None else ""
    return RateLimited(
        f"key {key.name!r:.80}: the limit of {quota_words('concurrency', amount)} {why}{full}; try "
        "again when one of them has ended",
        quota="concurrency",
        limit=amount,
    )
