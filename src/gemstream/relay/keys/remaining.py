"""What is left of a key's limits, as the rate headers of the dialects show it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...limits.store import LimitStore
from ...policy.limit.claim import Claim
from ...policy.limit.log import Level

__all__ = ("Left", "Remaining", "remaining_of")


class Left(msgspec.Struct, frozen=True):
    """Of one limit: its amount, what is left of it now, and the seconds until all of it is.

    ``limit`` is what may come at once: the burst of requests and tokens a minute.
    """

    limit: int
    remaining: int
    reset: float


class Remaining(msgspec.Struct, frozen=True, kw_only=True):
    """Of each limit; None for one that the key does not have."""

    requests: Left | None = None
    tokens: Left | None = None
    day: Left | None = None
    concurrency: Left | None = None


_FIELDS = {"rpm": "requests", "tpm": "tokens", "rpd": "day", "concurrency": "concurrency"}


async def remaining_of(store: LimitStore, claims: Sequence[Claim]) -> Remaining:
    """Return what is left of the limits of ``claims``; safe to cancel.

    Raises StoreUnavailable when the books are out of reach.
    """
    if not claims:
        return Remaining()
    levels = await store.levels(claims)
    return Remaining(**{_FIELDS[level.claim.quota]: _left(store, level) for level in levels})


def _left(store: LimitStore, level: Level) -> Left:
    most = level.claim.limit.most
    reset = 0.0
    if level.frees_at is not None:
        reset = max(0.0, store.seconds(level.frees_at - store.moment().now))
    return Left(most, max(0, most - level.used), reset)
