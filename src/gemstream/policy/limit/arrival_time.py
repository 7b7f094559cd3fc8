"""An even rate with a burst, kept as one time: when all that was let in is used up.

Source: the generic cell rate algorithm, ITU-T I.371. The time is kept to the last fraction of a
microsecond: rounded, a burst of three at seven a minute would not fit in one moment, and rounded
down, more than the rate would.
"""

from __future__ import annotations

import msgspec

from .claim import Limit, Moment

__all__ = ("ArrivalTime",)


class ArrivalTime(msgspec.Struct, tag=True):
    """``at`` and ``part``: the theoretical arrival time, in microseconds and in fractions of one.

    A fraction is one part in ``amount``, which makes every cost a whole number of them. ``open``:
    the cost of what is not settled yet.
    """

    at: int = 0
    part: int = 0
    open: dict[str, int] = {}

    def until(self, limit: Limit, cost: int, moment: Moment) -> int | None:
        """Return when ``cost`` fits: at once when that is not later than now."""
        excess = max(0, self._debt(limit, moment)) + (cost - limit.burst) * limit.period
        return moment.now - (-excess // limit.amount)

    def take(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Let ``cost`` in."""
        self._owe(max(0, self._debt(limit, moment)) + cost * limit.period, limit, moment)
        self.open[name] = cost

    def stamp(self, name: str, moment: Moment) -> None:
        """The head of an answer changes nothing: this limit is counted at our own door."""

    def adjust(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Correct the cost of what goes on; less gives time back, more makes a debt."""
        old = self.open.get(name)
        if old is not None:
            self.open[name] = cost
            self._owe(self._debt(limit, moment) + (cost - old) * limit.period, limit, moment)

    def settle(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Correct the cost to what it was in the end."""
        self.adjust(name, cost, limit, moment)
        self.open.pop(name, None)

    def used(self, limit: Limit, moment: Moment) -> int:
        """Return how much of the burst is used."""
        return -(-max(0, self._debt(limit, moment)) // limit.period)

    def frees_at(self, limit: Limit, moment: Moment) -> int | None:
        """Return when the whole burst is there again; None when it is."""
        debt = self._debt(limit, moment)
        return moment.now - (-debt // limit.amount) if debt > 0 else None

    def is_idle(self, limit: Limit, moment: Moment) -> bool:
        """True when forgetting all this changes nothing."""
        return not self.open and self._debt(limit, moment) <= 0

    def _debt(self, limit: Limit, moment: Moment) -> int:
        """Return how far the time is ahead of now, in fractions; below 0 when it is behind."""
        # The fraction may be of an amount that has changed since: less than a microsecond of this.
        return (self.at - moment.now) * limit.amount + min(self.part, limit.amount - 1)

    def _owe(self, debt: int, limit: Limit, moment: Moment) -> None:
        whole, self.part = divmod(max(0, debt), limit.amount)
        self.at = moment.now + whole
