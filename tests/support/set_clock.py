"""Clocks that stand still until they are set: for limits in memory, and for those in Redis."""

from __future__ import annotations

from gemstream.limits.clock import Clock
from gemstream.policy.limit.claim import Moment

# Time comes from a key instead of the server's clock; the rest of the script is the real one.
TIME_FROM_A_KEY = """
local function time()
  return tonumber(redis.call('GET', 'gemstream:test:time'))
end
"""
TIME_KEY = "gemstream:test:time"

# 2026-07-01 12:00 in US/Pacific: no day of summer time's beginning or end is near.
NOON = 1_782_932_400_000_000


class SetClock(Clock):
    """``now`` and ``wall`` are what was set, in microseconds."""

    __slots__ = ("now", "wall")

    def __init__(self, wall: int = NOON) -> None:
        super().__init__()
        self.now, self.wall = 1_000_000, wall

    def moment(self) -> Moment:
        return Moment(self.now, self.wall)
