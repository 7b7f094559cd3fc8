"""An even rate with a burst, kept as one time: when all that was let in is used up.

Source: the generic cell rate algorithm, ITU-T I.371. Times are rounded up to whole microseconds,
so a rate errs below its limit, by less than one in a thousand up to 60,000 a minute.
"""

from __future__ import annotations

import msgspec

from .claim import Limit, Moment

__all__ = ("ArrivalTime",)


class ArrivalTime(msgspec.Struct, tag=True):
    """``at``: the theoretical arrival time; ``open``: the cost of what is not settled yet."""

    at: int = 0
    open: dict[str, int] = {}

    def until(self, limit: Limit, cost: int, moment: Moment) -> int | None:
        """Return when ``cost`` fits: at once when that is not later than now."""
        return max(moment.now, self.at) + _time(limit, cost) - _time(limit, limit.burst)

    def take(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Let ``cost`` in."""
        self.at = max(moment.now, self.at) + _time(limit, cost)
        self.open[name] = cost

    def stamp(self, name: str, moment: Moment) -> None:
        """The head of an answer changes nothing: this limit is counted at our own door."""

    def adjust(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Correct the cost of what goes on; less gives time back, more makes a debt."""
        old = self.open.get(name)
        if old is not None:
            self.open[name] = cost
            self.at = max(moment.now, self.at + _time(limit, cost) - _time(limit, old))

    def settle(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Correct the cost to what it was in the end."""
        self.adjust(name, cost, limit, moment)
        self.open.pop(name, None)

    def used(self, limit: Limit, moment: Moment) -> int:
        """Return how much of the burst is used."""
        return -(-max(0, self.at - moment.now) * limit.amount // limit.period)

    def frees_at(self, limit: Limit, moment: Moment) -> int | None:
        """Return when the whole burst is there again; None when it is."""
        return self.at if self.at > moment.now else None

    def is_idle(self, limit: Limit, moment: Moment) -> bool:
        """True when forgetting all this changes nothing."""
        return not self.open and self.at <= moment.now


def _time(limit: Limit, cost: int) -> int:
    """Return how long the even rate takes for ``cost``."""
    return -(-cost * limit.period // limit.amount)
