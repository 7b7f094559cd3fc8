"""The clock that limits are counted by."""

from __future__ import annotations

import time

from ..errors import ConfigError
from ..policy.limit.claim import MICROSECONDS, Moment

__all__ = ("Clock",)


class Clock:
    """The machine's two clocks, or time that runs ``scale`` times as fast.

    Against an emulator with a time scale, limits must be counted in the same time as its own.
    Raises ConfigError for a scale that is not above 0.
    """

    __slots__ = ("_now", "_scale", "_wall")

    def __init__(self, scale: float = 1.0) -> None:
        if not 0 < scale < float("inf"):
            raise ConfigError(f"the time scale is {scale!r}; it must be a number above 0")
        self._scale = scale
        self._now = time.monotonic_ns()
        self._wall = time.time_ns()

    def moment(self) -> Moment:
        """Return now."""
        now, wall = time.monotonic_ns(), time.time_ns()
        if self._scale != 1.0:
            passed = int((now - self._now) * self._scale)
            now, wall = self._now + passed, self._wall + passed
        return Moment(now // 1000, wall // 1000)

    def seconds(self, microseconds: int) -> float:
        """Return how many real seconds so much of this clock's time takes."""
        return microseconds / MICROSECONDS / self._scale
