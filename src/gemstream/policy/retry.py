"""Whether and when a failed attempt is tried again.

The server's delay first, else full jitter on a doubling base; a token bucket bounds the retries of
one account on one host; one deadline holds over all attempts. A call that delivered a chunk is
never tried again.

Sources: gRPC A6 (one deadline), AWS retry behaviour 2026 (bucket of 500, a transient retry costs
14, a throttled one 5, a first-try success returns 1).
"""

from __future__ import annotations

import math

import msgspec

from ..errors import ConfigError, GemstreamError, ResourceExhausted

__all__ = ("GiveUp", "Retry", "RetryBudget", "RetryPolicy")


_MOST_DOUBLINGS = 64  # far beyond any cap, and a float still holds it


class Retry(msgspec.Struct, frozen=True):
    """Try again at ``at``, ``delay`` seconds from now."""

    at: float
    delay: float


class GiveUp(msgspec.Struct, frozen=True):
    """Let the error reach the caller; ``reason`` says why no further attempt is made."""

    reason: str


class RetryBudget:
    """Retries one account may spend on one host before it only gets first attempts."""

    __slots__ = ("_capacity", "_tokens")

    def __init__(self, capacity: int = 500) -> None:
        self._capacity = capacity
        self._tokens = capacity

    @property
    def tokens(self) -> int:
        """What is left."""
        return self._tokens

    @property
    def is_full(self) -> bool:
        """True when nothing was spent that has not come back."""
        return self._tokens == self._capacity

    def withdraw(self, cost: int) -> bool:
        """Take ``cost`` and return True, or return False when less is left."""
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True

    def deposit(self, amount: int = 1) -> None:
        """Give back ``amount``, never above the capacity."""
        self._tokens = min(self._capacity, self._tokens + amount)


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how patiently; all delays in seconds.

    ``attempts`` counts the first one, so 1 switches retries off. A server delay above
    ``longest_delay`` is not waited out: the error carries it to the caller at once. Raises
    ConfigError for numbers that cannot be meant.
    """

    attempts: int = 3
    base: float = 0.5
    throttled_base: float = 2.0
    cap: float = 20.0
    longest_delay: float = 60.0
    cost: int = 14
    throttled_cost: int = 5

    def __post_init__(self) -> None:
        _check_count("attempts", self.attempts, least=1)
        for name in ("cost", "throttled_cost"):
            _check_count(name, getattr(self, name), least=0)
        for name in ("base", "throttled_base", "cap", "longest_delay"):
            _check_delay(name, getattr(self, name))

    def verdict(
        self,
        error: GemstreamError,
        *,
        attempt: int,
        now: float,
        deadline: float | None,
        jitter: float,
        budget: RetryBudget,
    ) -> Retry | GiveUp:
        """Judge ``error`` of attempt number ``attempt`` (from 1); ``jitter`` is in [0, 1).

        A Retry has already been paid for from ``budget``.
        """
        if error.delivered:
            return GiveUp(f"{error.delivered} chunks were already delivered")
        if not error.retryable:
            return GiveUp("the error is not one that passes")
        if attempt >= self.attempts:
            return GiveUp(f"all {self.attempts} attempts are used up")
        delay = self._delay(error, attempt, jitter)
        if delay > self.longest_delay:
            return GiveUp(f"the service asks for {delay:g} s, more than {self.longest_delay:g} s")
        if deadline is not None and now + delay >= deadline:
            return GiveUp(f"a wait of {delay:.1f} s would pass the total timeout")
        if not budget.withdraw(self.throttled_cost if _is_throttled(error) else self.cost):
            return GiveUp("the retry budget of this account is used up")
        return Retry(at=now + delay, delay=delay)

    def _delay(self, error: GemstreamError, attempt: int, jitter: float) -> float:
        base = self.throttled_base if _is_throttled(error) else self.base
        computed = jitter * min(self.cap, base * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
        server: float | None = getattr(error, "retry_delay", None)
        return computed if server is None else max(computed, server)


def _check_count(name: str, value: object, *, least: int) -> None:
    if type(value) is not int or value < least:
        raise ConfigError(f"retry {name} is {value!r}; it must be a whole number from {least} on")


def _check_delay(name: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:  # type: ignore[operator]
        raise ConfigError(f"retry {name} is {value!r}; it must be seconds, finite and not negative")


def _is_throttled(error: GemstreamError) -> bool:
    return isinstance(error, ResourceExhausted)
