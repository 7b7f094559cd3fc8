"""What was let in within one period, one by one and with its cost: exact in every window.

Strategy. A request is let in before it is sent, and the service counts it somewhere between then
and the head of its answer. So it stays *in flight*, and counts, until it is stamped at the head;
only from there does its time in the window run. A window of ours thus never ends before theirs.
"""

from __future__ import annotations

import msgspec

from .claim import Limit, Moment

__all__ = ("WindowLog",)


class WindowLog(msgspec.Struct, tag=True):
    """``total`` is the sum of what is in flight and what was stamped within the period."""

    total: int = 0
    flying: dict[str, int] = {}  # cost of what no head has answered yet
    costs: dict[str, int] = {}  # of what was stamped
    stamps: list[tuple[int, str]] = []  # oldest first

    def until(self, limit: Limit, cost: int, moment: Moment) -> int | None:
        """Return when ``cost`` fits: at once when that is not later than now, None if not known."""
        stamps, now = self.stamps, moment.now
        if stamps and not now - limit.period < stamps[0][0] <= now:
            self._expire(limit.period, now)
        excess = self.total + cost - limit.amount
        if excess <= 0:
            return now
        for at, name in stamps:
            excess -= self.costs.get(name, 0)
            if excess <= 0:
                return at + limit.period
        return None

    def take(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Let ``cost`` in."""
        self.flying[name] = cost
        self.total += cost

    def stamp(self, name: str, moment: Moment) -> None:
        """Note that the head of the answer is here; again is nothing."""
        cost = self.flying.pop(name, None)
        if cost is not None:
            self.costs[name] = cost
            self.stamps.append((moment.now, name))

    def adjust(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Correct the cost; of what has left the window nothing changes any more."""
        costs = self.flying if name in self.flying else self.costs
        old = costs.get(name)
        if old is not None:
            costs[name] = cost
            self.total += cost - old

    def settle(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Correct the cost to what it was in the end; what cost nothing is forgotten."""
        costs = self.costs
        old = costs.pop(name, None)
        if old is None:
            old = self.flying.pop(name, None)
            if old is None:
                return
            if cost:
                self.stamps.append((moment.now, name))
        self.total += cost - old
        if cost:
            costs[name] = cost

    def used(self, limit: Limit, moment: Moment) -> int:
        """Return what counts now."""
        self._expire(limit.period, moment.now)
        return self.total

    def frees_at(self, limit: Limit, moment: Moment) -> int | None:
        """Return when all that is stamped has left the window; None when nothing is."""
        counted = (at for at, name in reversed(self.stamps) if name in self.costs)
        newest = next(counted, None)
        return None if newest is None else newest + limit.period

    def is_idle(self, limit: Limit, moment: Moment) -> bool:
        """True when forgetting all this changes nothing."""
        self._expire(limit.period, moment.now)
        return not self.flying and not self.costs

    def _expire(self, period: int, now: int) -> None:
        over = 0
        for at, name in self.stamps:
            # A stamp ahead of now was made before the machine started anew: its window is over.
            if now - period < at <= now:
                break
            over += 1
            self.total -= self.costs.pop(name, 0)
        if over:
            del self.stamps[:over]
