"""What the answers of the service teach about the limits of one account on one model."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from ...config.budget import Budget, budgeted
from ...config.limits import Limits
from ...errors import ResourceExhausted
from ..pacific import pacific_day
from .adaptive import AdaptiveConcurrency
from .claim import MICROSECONDS

__all__ = ("LearnedLimits",)

# By what stands in a quota's id, as GenerateRequestsPerMinutePerProjectPerModel-FreeTier.
_QUOTAS = (
    (re.compile(r"Concurrent"), "concurrency"),
    (re.compile(r"Token.*PerMinute"), "tpm"),
    (re.compile(r"Request.*PerMinute"), "rpm"),
    (re.compile(r"Request.*PerDay"), "rpd"),
)
_SHORTEST_HOLD = 1.0
# Without a delay of the service's: doubled from one 429 to the next, until an answer succeeds.
_FIRST_HOLD = 5.0
_LONGEST_HOLD = 60.0
_MOST_DOUBLINGS = 4


class LearnedLimits(msgspec.Struct):
    """Empty until the service refuses something.

    Clients with other limits may ask the same model; how many answers run at once is learned for
    each ``concurrency`` that any of them has, or the one would be held to what the other wants.
    Both dicts are replaced and never changed: another thread may be reading them.
    """

    amounts: dict[str, int] = {}
    running: dict[int, AdaptiveConcurrency] = {}
    refusals: int = 0  # in a row, that named no delay

    def receive_refusal(
        self,
        error: ResourceExhausted,
        limits: Limits,
        ceiling: int | None,
        *,
        is_echo: bool = False,
    ) -> list[tuple[str, int]]:
        """Note a 429; return the limits that are new by it, as names and amounts.

        ``is_echo``: it answers a request that was under way when the 429 before it came. Of a
        volley that is refused together, one is the news: twenty quarters would leave nothing.
        """
        before = self.within(limits, is_own=False)
        self.amounts = {**self.amounts, **dict(_named(error))}
        if not error.daily and not is_echo:
            self._adapt(limits, ceiling, is_success=False)
        after = self.within(limits, is_own=False)
        return [
            (quota, amount)
            for quota in Limits.__struct_fields__
            if (amount := getattr(after, quota)) is not None and amount != getattr(before, quota)
        ]

    def receive_success(self, limits: Limits, ceiling: int | None) -> int | None:
        """Note an answer; return how many may now run at once, when that is new."""
        self.refusals = 0
        known = self._amount(limits)
        if known is not None or (ceiling or 0) > (limits.concurrency or 0):
            self._adapt(limits, ceiling, is_success=True)
        amount = self._amount(limits)
        return amount if known is not None and amount != known else None

    def within(self, limits: Limits, *, is_own: bool, budget: Budget | None = None) -> Limits:
        """Return ``limits`` as the service has corrected them; ``is_own``: never above them.

        Limits that a caller set are what it wants to use; those of a tier are what we believe. Of
        what the service says it allows, ``budget`` is the share to use.
        """
        if self.is_empty:
            return limits
        amounts = {quota: getattr(limits, quota) for quota in Limits.__struct_fields__}
        running = self._amount(limits)
        if running is not None:
            amounts["concurrency"] = min(running, limits.concurrency or 1) if is_own else running
        learned_amounts = self.amounts
        said = budgeted(Limits(**learned_amounts), budget)
        for quota in learned_amounts:
            known, learned = amounts[quota], getattr(said, quota)
            is_least = is_own or quota == "concurrency"
            amounts[quota] = min(known, learned) if is_least and known is not None else learned
        return Limits(**amounts)

    def delay(self, error: ResourceExhausted, wall: int, *, is_echo: bool = False) -> int:
        """Return how many microseconds all have to hold back; ``wall`` in them since 1970."""
        if error.daily:
            return pacific_day(wall * 1000)[1] // 1000 - wall
        if error.retry_delay is not None:
            return int(max(_SHORTEST_HOLD, error.retry_delay) * MICROSECONDS)
        before = max(0, self.refusals - 1) if is_echo else self.refusals
        seconds = min(_LONGEST_HOLD, _FIRST_HOLD * 2.0 ** min(before, _MOST_DOUBLINGS))
        self.refusals = before + 1
        return int(seconds * MICROSECONDS)

    @property
    def is_empty(self) -> bool:
        """True when nothing is remembered that matters."""
        if self.amounts or self.refusals:
            return False
        # Asked for each request, so without a loop where nothing was learned.
        return not self.running or all(adaptive.is_usual for adaptive in self.running.values())

    def _amount(self, limits: Limits) -> int | None:
        """Return how many may run at once, None when nothing is learned of that."""
        adaptive = self.running.get(limits.concurrency or 0)
        return None if adaptive is None else adaptive.amount

    def _adapt(self, limits: Limits, ceiling: int | None, *, is_success: bool) -> None:
        usual = limits.concurrency
        if usual is None:
            return
        adaptive = self.running.get(usual)
        if adaptive is None or adaptive.ceiling != (ceiling or usual):
            adaptive = AdaptiveConcurrency(usual, ceiling or usual)
            self.running = {**self.running, usual: adaptive}
        if is_success:
            adaptive.receive_success()
        else:
            adaptive.receive_throttled()


def _named(error: ResourceExhausted) -> Iterator[tuple[str, int]]:
    """Return the limits that a 429 names, with their amounts; 0 is no limit but a refusal."""
    for violation in error.quotas:
        value = str(violation.get("quotaValue", ""))
        found = (name for form, name in _QUOTAS if form.search(str(violation.get("quotaId"))))
        quota = next(found, None)
        if quota is not None and value.isascii() and value.isdigit() and int(value) > 0:
            yield quota, int(value)
