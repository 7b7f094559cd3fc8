"""The limits of one key, and what a request claims of them."""

from __future__ import annotations

import msgspec

from ...errors import ConfigError
from ...policy.limit.claim import Claim, Kind, Limit, Unit

__all__ = ("KeyClaims", "Quotas")

_ABOVE_0 = ("rpm", "tpm", "rpd", "concurrency", "rpm_burst", "tpm_burst")


class Quotas(msgspec.Struct, frozen=True, kw_only=True):
    """How much a key may ask for; None is no limit. Raises ConfigError.

    Requests and tokens a minute are let in evenly, and up to their burst at once, which is by
    default as much as a minute allows: so in any minute at most twice the limit is let in, and
    with a burst of b at most the limit and b. Requests a day go by the days of US/Pacific, as
    Google's own do. ``queue`` requests may wait ``queue_timeout`` seconds for one of
    ``concurrency`` places.
    """

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    concurrency: int | None = None
    rpm_burst: int | None = None
    tpm_burst: int | None = None
    queue: int = 0
    queue_timeout: float = 10.0

    def __post_init__(self) -> None:
        for name in _ABOVE_0:
            amount = getattr(self, name)
            if amount is not None and amount < 1:
                raise ConfigError(
                    f"its {name} is {amount}; it must be 1 or more, and is left out for no limit"
                )
        for burst, quota in (("rpm_burst", self.rpm), ("tpm_burst", self.tpm)):
            if quota is None and getattr(self, burst) is not None:
                raise ConfigError(f"it has {burst} without {burst[:3]}; give both, or neither")
        if self.queue < 0 or not 0 < self.queue_timeout < float("inf"):
            raise ConfigError(
                f"its queue is {self.queue} and its queue_timeout {self.queue_timeout:g} s; the "
                "first must be 0 or more, the second a number above 0"
            )
        if self.queue and self.concurrency is None:
            raise ConfigError("it has a queue and no concurrency to wait for; give both")


class KeyClaims:
    """What requests of one key claim, all but tokens made once. ``of`` is the key's id.

    All keys of one scope are in one slot of a Redis Cluster, and no two ids share a scope.
    """

    __slots__ = ("_fixed", "_tpm", "quotas")

    def __init__(self, key_id: str, quotas: Quotas) -> None:
        self.quotas = quotas
        scope = f"relay-key:{key_id}"
        fixed = []
        if quotas.rpm is not None:
            burst = quotas.rpm_burst or quotas.rpm
            limit = Limit(Kind.RATE, quotas.rpm, burst=burst)
            fixed.append(Claim(f"{scope}|rpm", "rpm", limit))
        if quotas.rpd is not None:
            fixed.append(Claim(f"{scope}|rpd", "rpd", Limit(Kind.DAILY, quotas.rpd)))
        if quotas.concurrency is not None:
            limit = Limit(Kind.SLOTS, quotas.concurrency)
            fixed.append(Claim(f"{scope}|concurrency", "concurrency", limit, Unit.RUNNING))
        self._fixed = tuple(fixed)
        self._tpm: Claim | None = None
        if quotas.tpm is not None:
            limit = Limit(Kind.RATE, quotas.tpm, burst=quotas.tpm_burst or quotas.tpm)
            self._tpm = Claim(f"{scope}|tpm", "tpm", limit, Unit.TOKENS)

    def of(self, tokens: int, least: int = 0) -> tuple[Claim, ...]:
        """Return what a request of so many tokens claims; nothing when the key has no limits.

        More than may come at once is not claimed, unless it is ``least``, which is sure to be
        used: of an answer that may be long and is not, nothing is refused, and one that is makes
        a debt that the next ones wait for.
        """
        tpm = self._tpm
        if tpm is None:
            return self._fixed
        cost = max(least, min(tokens, tpm.limit.most))
        return (*self._fixed, Claim(tpm.key, tpm.quota, tpm.limit, Unit.TOKENS, cost))
