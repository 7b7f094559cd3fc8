"""The midnights of US/Pacific around the time of a server whose clock is not ours."""

from __future__ import annotations

import time

from ..policy.pacific import pacific_day

__all__ = ("Midnights",)


class Midnights:
    """Four in a row: those of the server's day, as far as we know, and of the day to each side.

    The server itself decides which day it is. So a clock of ours that is wrong by less than a day
    changes nothing, and one that is wrong by more costs a second round trip, once.
    """

    __slots__ = ("_ahead", "_around")

    def __init__(self) -> None:
        self._ahead = 0  # of the server's clock, in microseconds
        self._around: tuple[int, ...] = (0, 0, 0, 0)

    def around(self) -> tuple[int, ...]:
        """Return them, in microseconds since 1970. Raises ConfigError without time zones."""
        wall = time.time_ns() // 1000 + self._ahead
        if not self._around[1] <= wall < self._around[2]:
            began, ends = pacific_day(wall * 1000)
            self._around = tuple(
                midnight // 1000
                for midnight in (
                    pacific_day(began - 1)[0],
                    began,
                    ends,
                    pacific_day(ends)[1],
                )
            )
        return self._around

    def correct(self, wall: int) -> None:
        """Note what the server's clock shows."""
        self._ahead = wall - time.time_ns() // 1000
