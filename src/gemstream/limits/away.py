"""What holds while the shared books are out of reach: each limit is shared out, open, or closed."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import msgspec

from ..errors import StoreUnavailable
from ..policy.limit.claim import Claim, Kind, Refused, Spent, Wait
from .clock import Clock
from .memory_store import MemoryStore

__all__ = ("AWAY", "Away", "AwayBooks")


class Away(enum.Enum):
    """What a limit does while the shared books are out of reach."""

    SHARE = "share"
    """Each process keeps to its part: the limit divided by the processes last seen, at least 1."""
    OPEN = "open"
    """It does not hold."""
    CLOSED = "closed"
    """Nothing is sent that it counts."""


# A limit of the service is shared out: too much is answered by a 429, nothing at all is an outage.
# What guards money, and whatever has no row here, is closed.
AWAY: Mapping[str, Away] = {
    "rpm": Away.SHARE,
    "tpm": Away.SHARE,
    "rpd": Away.SHARE,
    "concurrency": Away.SHARE,
}


_HOLDS = {
    Away.SHARE: "this process keeps to its share of {}",
    Away.OPEN: "nothing holds of {}",
    Away.CLOSED: "nothing is sent that counts to {}",
}


class AwayBooks:
    """The books of this process alone, for as long as the shared ones are away.

    They are kept from one outage to the next, so that many short ones do not give a day's share
    anew each time.
    """

    __slots__ = ("_claims", "_rules", "_store")

    def __init__(self, clock: Clock, rules: Mapping[str, Away]) -> None:
        self._rules = {**AWAY, **rules}
        self._store = MemoryStore(clock)
        self._claims: dict[str, tuple[Claim, ...]] = {}  # of what was let in here and still runs

    async def reserve(
        self, name: str, claims: Sequence[Claim], processes: int
    ) -> Wait | Refused | None:
        """Take this process's share of ``claims``. Raises StoreUnavailable where one is closed."""
        for claim in claims:
            if claim.cost > claim.limit.most:
                return Refused(claim)
        shares = tuple(self._shares(claims, processes))
        verdict = await self._store.reserve(name, shares)
        if verdict is None:
            self._claims[name] = shares
        return verdict

    def stamp(self, name: str) -> None:
        """As the store's, for what was let in here; so are the next two."""
        if name in self._claims:
            self._store.stamp(name, self._claims[name])

    def adjust(self, name: str, tokens: int) -> None:
        """Correct what a running request has used of tokens so far."""
        if name in self._claims:
            self._store.adjust(name, self._claims[name], tokens)

    def settle(self, name: str, spent: Spent) -> None:
        """Correct what a request used to what it was."""
        claims = self._claims.pop(name, None)
        if claims is not None:
            self._store.settle(name, claims, spent)

    def hold(self, gate: Claim, delay: int) -> None:
        """Let nothing through ``gate`` for ``delay`` microseconds."""
        self._store.hold(gate, delay)

    def sweep(self, claims: Sequence[Claim]) -> bool:
        """Forget what changes nothing by it; True when nothing is left."""
        return self._store.sweep(claims)

    def describe(self) -> str:
        """Return what holds now, in words."""
        quotas: dict[Away, list[str]] = {rule: [] for rule in Away}
        for quota, rule in self._rules.items():
            quotas[rule].append(quota)
        said = [_HOLDS[rule].format(", ".join(names)) for rule, names in quotas.items() if names]
        return f"until it is back {'; '.join(said)}"

    def _shares(self, claims: Sequence[Claim], processes: int) -> list[Claim]:
        shares = []
        for claim in claims:
            if claim.limit.kind is Kind.GATE:
                shares.append(claim)
                continue
            rule = self._rules.get(claim.quota, Away.CLOSED)
            if rule is Away.CLOSED:
                raise StoreUnavailable(
                    f"the shared limits are out of reach, and {claim.quota or claim.key} is closed "
                    "without them; nothing was sent"
                )
            if rule is Away.SHARE:
                shares.append(_share(claim, processes))
        return shares


def _share(claim: Claim, processes: int) -> Claim:
    """Return the part of one of ``processes``; a request larger than that takes all of it."""
    limit = claim.limit
    part = msgspec.structs.replace(
        limit,
        amount=max(1, limit.amount // processes),
        burst=max(1, limit.burst // processes),
    )
    return msgspec.structs.replace(claim, limit=part, cost=min(claim.cost, part.most))
