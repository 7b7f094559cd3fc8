"""What is known of one account with one model: how it stands, what it runs, what it failed."""

from __future__ import annotations

import math

import msgspec

from ...config.relay.options import AccountOptions
from ...errors import InvalidState
from .cubic import CubicCeiling
from .state import OPEN, Dimension, Happening, Standing, State
from .wish import Shortage

__all__ = ("Barred", "Line")

FAILURES_IN_A_ROW = 5
_EJECTION = 30.0
_LONGEST_EJECTION = 300.0
_JITTER = 0.1
_RATE_DELAY = 5.0
_LONGEST_RATE_DELAY = 60.0
# So long after its end an ejection, or a refusal, is forgotten and the next one is the first.
_MEMORY = {Dimension.HEALTH: _LONGEST_EJECTION, Dimension.RATE: _LONGEST_RATE_DELAY}
_NOT_FOUND = "404"  # the cause of a model that is not there, rather than not for this place
_MINUTE, _DAY = 60.0, 86_400.0


class Barred(msgspec.Struct, frozen=True, gc=False):
    """Why an account cannot be asked now; ``until``: when it can, as far as that is known.

    ``is_soft``: only its failures speak against it, so it may be asked if nobody else is left.
    """

    reason: Shortage
    until: float | None = None
    is_soft: bool = False


class Line:
    """Between one account and one model; moments in seconds of the pool's clock."""

    __slots__ = (
        "_ceiling",
        "_used_at",
        "_used_requests",
        "_used_today",
        "_used_tokens",
        "failures",
        "in_flight",
        "is_probed",
        "standings",
    )

    def __init__(self) -> None:
        self.standings: dict[Dimension, Standing] = {}
        self.failures = 0  # in a row, since the last answer that ended well
        self.in_flight = 0
        self.is_probed = False
        self._ceiling: CubicCeiling | None = None
        # What was sent lately, fading by the clock: it puts accounts in order, no limit is on it.
        self._used_at = -math.inf
        self._used_requests = self._used_tokens = self._used_today = 0.0

    def standing(self, dimension: Dimension, now: float) -> Standing:
        """Return how it stands in one respect."""
        return self.standings.get(dimension, OPEN).at(now)

    def barred(self, now: float) -> Barred | None:
        """Return what speaks against asking now; None when nothing does."""
        cooling = {
            dimension: standing
            for dimension, standing in self.standings.items()
            if standing.at(now).state is State.COOLING
        }
        if cooling:
            model = cooling.get(Dimension.MODEL)
            is_missing = model is not None and model.cause == _NOT_FOUND
            until = max(standing.until for standing in cooling.values())
            return Barred(Shortage.NO_MODEL if is_missing else Shortage.COOLING, until)
        ceiling = self.ceiling(now)
        if ceiling is not None and self.in_flight >= ceiling:
            return Barred(Shortage.FULL)
        health = self.standing(Dimension.HEALTH, now)
        if health.state is State.EJECTED:
            return Barred(Shortage.COOLING, health.until, is_soft=True)
        if health.state is State.HALF_OPEN and self.is_probed:
            return Barred(Shortage.COOLING, is_soft=True)
        return None

    def is_out(self, now: float) -> bool:
        """Return True when it was ejected and has not proven itself since."""
        return self.standing(Dimension.HEALTH, now).state in (State.EJECTED, State.HALF_OPEN)

    def ceiling(self, now: float) -> int | None:
        """Return how many may run after a refusal without a reason; None for any number."""
        if self._ceiling is not None and self._ceiling.is_over(now):
            self._ceiling = None
        return None if self._ceiling is None else self._ceiling.at(now)

    def cool(self, dimension: Dimension, delay: float, cause: str, now: float) -> Standing:
        """Leave it alone for ``delay`` seconds, or for as long as it is already."""
        before = self.standing(dimension, now)
        until = max(now + delay, before.until)
        return self._enter(dimension, Happening.COOLED, until, before.times + 1, cause, now)

    def slow_down(self, cause: str, now: float) -> Standing | None:
        """Leave it alone twice as long as last time, and let less run after that.

        None when it is left alone already: refusals of what was sent before are no news.
        """
        before = self.standing(Dimension.RATE, now)
        if before.state is State.COOLING:
            return None
        times = self._times(Dimension.RATE, now)
        delay = min(_LONGEST_RATE_DELAY, _RATE_DELAY * 2.0 ** min(times, 10))
        self._ceiling = CubicCeiling(max(1, self.in_flight), now + delay)
        return self._enter(Dimension.RATE, Happening.COOLED, now + delay, times + 1, cause, now)

    def eject(self, cause: str, now: float, jitter: float) -> Standing | None:
        """Leave it alone, the longer the more often it comes to that; ``jitter`` is in [0, 1)."""
        if self.standing(Dimension.HEALTH, now).after(Happening.EJECTED) is None:
            return None
        times = self._times(Dimension.HEALTH, now) + 1
        delay = min(_LONGEST_EJECTION, _EJECTION * times) * (1 + _JITTER * jitter)
        self.failures = 0
        return self._enter(Dimension.HEALTH, Happening.EJECTED, now + delay, times, cause, now)

    def answered(self, now: float) -> Standing | None:
        """Note that it answered: what was half open is open. None when that is no news."""
        before = self.standing(Dimension.HEALTH, now)
        if before.after(Happening.ANSWERED) is None:
            return None
        return self._enter(
            Dimension.HEALTH, Happening.ANSWERED, before.until, before.times, "answered", now
        )

    def use(self, tokens: int, now: float) -> None:
        """Note that a request of ``tokens`` is sent."""
        self._used_requests, self._used_tokens, self._used_today = self._faded(now)
        self._used_requests += 1
        self._used_tokens += tokens
        self._used_today += 1
        self._used_at = now

    def headroom(self, options: AccountOptions, now: float) -> int:
        """Return the hundredths left of the account's tightest limit, 100 when it names none."""
        used = zip(self._faded(now), (options.rpm, options.tpm, options.rpd), strict=True)
        share = max((amount / limit for amount, limit in used if limit), default=0.0)
        return round(100 * (1 - share))  # finer, and no two accounts would ever be equal

    def reset(self) -> None:
        """Forget what speaks against it; what runs runs on."""
        self.standings.clear()
        self.failures = 0
        self._ceiling = None

    @property
    def used_at(self) -> float:
        """When it was asked last; minus infinity for never."""
        return self._used_at

    def _faded(self, now: float) -> tuple[float, float, float]:
        passed = max(0.0, now - self._used_at)
        minute, day = math.exp(-passed / _MINUTE), math.exp(-passed / _DAY)
        return self._used_requests * minute, self._used_tokens * minute, self._used_today * day

    def _times(self, dimension: Dimension, now: float) -> int:
        before = self.standings.get(dimension, OPEN)
        return before.times if now - before.until <= _MEMORY[dimension] else 0

    def _enter(
        self,
        dimension: Dimension,
        happening: Happening,
        until: float,
        times: int,
        cause: str,
        now: float,
    ) -> Standing:
        state = self.standing(dimension, now).after(happening)
        if state is None:
            raise InvalidState(f"an account's {dimension.value} cannot be {happening.value} now")
        standing = self.standings[dimension] = Standing(state, until, times, cause, now)
        return standing
