"""How many requests were let in since midnight in US/Pacific.

The wall's clock may step: back over midnight the newer day goes on, so a step never gives a day's
allowance twice; a clock that was ahead by more than a day is believed again once it is right.
"""

from __future__ import annotations

import msgspec

from ..pacific import pacific_day
from .claim import DAY, MINUTE, Limit, Moment

__all__ = ("DayCount",)

_NANOSECONDS = 1000
# So long after midnight a day that was used is not forgotten: a clock that is an hour ahead and
# then set to an hour behind would give its allowance again.
_STEP = 120 * MINUTE


class DayCount(msgspec.Struct, tag=True):
    """``count`` of the day from ``began`` to ``ends``, microseconds since 1970.

    ``follows_use``: the day before was used, so a clock set back over midnight leads to a used one.
    """

    count: int = 0
    began: int = 0
    ends: int = 0
    flying: dict[str, int] = {}  # the end of the day that each was let in
    follows_use: bool = False

    def until(self, limit: Limit, cost: int, moment: Moment) -> int | None:
        """Return when ``cost`` fits: at once when that is not later than now."""
        self._turn(moment)
        if self.count + cost <= limit.amount:
            return moment.now
        return moment.now + self.ends - moment.wall

    def take(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Let ``cost`` in."""
        self._turn(moment)
        self.flying[name] = self.ends
        self.count += cost

    def stamp(self, name: str, moment: Moment) -> None:
        """Note that the head is here; one that came after midnight counts for both days."""
        ends = self.flying.pop(name, None)
        if ends is not None:
            self._turn(moment)
            self.count += ends != self.ends

    def adjust(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """A request stays one request while it runs."""

    def settle(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Give back what the service did not count; what was stamped, it did."""
        if cost:
            self.stamp(name, moment)
        elif self.flying.pop(name, None) == self.ends:
            self.count -= 1

    def used(self, limit: Limit, moment: Moment) -> int:
        """Return how many were let in this day."""
        self._turn(moment)
        return self.count

    def frees_at(self, limit: Limit, moment: Moment) -> int | None:
        """Return when the day ends; None when nothing was used."""
        return moment.now + self.ends - moment.wall if self.count else None

    def is_idle(self, limit: Limit, moment: Moment) -> bool:
        """True when forgetting all this changes nothing."""
        self._turn(moment)
        if self.flying or self.count:
            return False
        return not self.follows_use or moment.wall >= self.began + _STEP

    def _turn(self, moment: Moment) -> None:
        """Begin a new day when the old one is over."""
        if self.began - DAY <= moment.wall < self.ends:
            return
        if moment.wall >= self.ends:
            self.follows_use = self.count > 0
            self.count = 0
        began, ends = pacific_day(moment.wall * _NANOSECONDS)
        self.began, self.ends = began // _NANOSECONDS, ends // _NANOSECONDS
