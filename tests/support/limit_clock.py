"""Clocks for limits that a test sets, in the place of the machine's or of a Redis server's."""

from __future__ import annotations

import asyncio
import time

from gemstream.limits.clock import Clock
from gemstream.policy.limit.claim import MICROSECONDS, Moment

__all__ = ("NOON", "TIME_FROM_A_KEY", "TIME_KEY", "AheadClock", "LoopClock", "SetClock")

# 2026-07-01 12:00 in US/Pacific: far from a midnight there, and from a change of its clocks.
NOON = 1_782_932_400 * MICROSECONDS
_UPTIME = 86_400 * MICROSECONDS

TIME_KEY = "gemstream:test:time"
# Time comes from a key instead of the server's clock; the rest of the script is the real one.
TIME_FROM_A_KEY = f"""
local function time()
  return tonumber(redis.call('GET', '{TIME_KEY}'))
end
"""


class SetClock(Clock):
    """Stands still until ``go`` moves it; the wall may be stepped alone."""

    __slots__ = ("now", "wall")

    def __init__(self, wall: int = NOON, now: int = _UPTIME) -> None:
        super().__init__()
        self.now, self.wall = now, wall

    def moment(self) -> Moment:
        return Moment(self.now, self.wall)

    def go(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.now += int(seconds * MICROSECONDS)
        self.wall += int(seconds * MICROSECONDS)


class LoopClock(Clock):
    """The time of the running event loop: with ``support.clock.in_no_time``, no wait is one."""

    __slots__ = ("ahead",)

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0  # microseconds that the wall was stepped by

    def moment(self) -> Moment:
        passed = round(asyncio.get_running_loop().time() * MICROSECONDS)
        return Moment(_UPTIME + passed, NOON + self.ahead + passed)


class AheadClock(Clock):
    """The machine's clock, ahead by what a test says: a lease lapses without a wait."""

    __slots__ = ("ahead",)

    def __init__(self, ahead: float = 0.0) -> None:
        super().__init__()
        self.ahead = ahead

    def moment(self) -> Moment:
        ahead = int(self.ahead * MICROSECONDS)
        return Moment(time.monotonic_ns() // 1000 + ahead, time.time_ns() // 1000 + ahead)
