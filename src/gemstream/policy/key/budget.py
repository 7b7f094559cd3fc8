"""What a key has spent and may still cost: reserved before, held while it runs, settled after.

All money is in whole micro-dollars. Days and months are those of UTC. A clock that is set back over
midnight goes on with the newer day, so that a step never gives a day's budget twice.
"""

from __future__ import annotations

import datetime
import enum

import msgspec

from ...config.relay.options import BudgetOptions

__all__ = ("BudgetLog", "Overspent", "Period", "Spending")

_SECOND = 1_000_000
_DAY = 86_400
_STEP = datetime.timedelta(days=1)
_NO_DAY = datetime.date(1969, 1, 1)  # before any that a clock tells
_EPOCH = datetime.date(1970, 1, 1).toordinal()


class Period(enum.Enum):
    """What a budget is for."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class Spending(msgspec.Struct, frozen=True):
    """What the books say a key has spent: this UTC day, this UTC month and in all."""

    day: int = 0
    month: int = 0
    total: int = 0


class Overspent(msgspec.Struct, frozen=True):
    """It does not fit into the budget of ``period``.

    ``spent``: what was settled in it; ``held``: what other requests that run hold of it.
    ``resets_in``: seconds until the period is over, None for the one that never is.
    """

    period: Period
    limit: int
    spent: int
    held: int
    resets_in: float | None


class _Hold(msgspec.Struct):
    """``estimate`` was reserved, ``used`` is known to be used."""

    estimate: int
    used: int = 0

    @property
    def held(self) -> int:
        return max(self.estimate, self.used)


class BudgetLog:
    """The spending of one key. ``wall``: microseconds since 1970."""

    __slots__ = ("_began", "_held", "_holds", "_spent")

    def __init__(self) -> None:
        self._began = _NO_DAY
        self._spent = dict.fromkeys(Period, 0)
        self._holds: dict[str, _Hold] = {}
        self._held = 0

    @property
    def is_idle(self) -> bool:
        """True when nothing runs."""
        return not self._holds

    def learn(self, spending: Spending, wall: int) -> None:
        """Take over what the books say, where it is more than is known here.

        The books know what was settled elsewhere, and lag a little behind what is settled here;
        they also have what was noted of requests that run here, which is counted when those
        settle. Without that their number is never too great, and too small for a moment at most.
        """
        self._turn(wall)
        running = sum(hold.used for hold in self._holds.values())
        for period in Period:
            told = getattr(spending, period.value) - running
            self._spent[period] = max(self._spent[period], told)

    def reserve(
        self, name: str, micros: int, budget: BudgetOptions, wall: int, least: int = 0
    ) -> Overspent | None:
        """Hold up to ``micros`` for the request ``name`` and return None, or nothing and why.

        Held is as much of it as is left: an estimate that is too high keeps nobody out, for a
        stream is cut where its budget ends. ``least`` is what it costs for sure: it must be left.
        A budget that is used up lets nothing in, not even what costs nothing.
        """
        self._turn(wall)
        need = max(least, min(micros, 1))
        held = micros
        for period, limit in _limits(budget):
            spent = self._spent[period]
            left = limit - spent - self._held
            if spent >= limit or need > left:
                return self._overspent(period, limit, self._held, wall)
            held = min(held, left)
        held = max(need, held)
        self._holds[name] = _Hold(held)
        self._held += held
        return None

    def adjust(self, name: str, micros: int, budget: BudgetOptions, wall: int) -> Overspent | None:
        """Note what a running request has used so far; return why it may not go on.

        What it reserved is its own: only beyond that must it fit beside what others hold. It must
        stop also within, once what was spent meanwhile leaves nothing.
        """
        hold = self._holds.get(name)
        if hold is None:
            return None
        self._turn(wall)
        self._held -= hold.held
        hold.used = max(hold.used, micros)
        others, self._held = self._held, self._held + hold.held
        for period, limit in _limits(budget):
            left = limit - self._spent[period]
            if hold.used > left or (hold.used > hold.estimate and hold.used + others > left):
                return self._overspent(period, limit, others, wall)
        return None

    def settle(self, name: str, micros: int, wall: int) -> None:
        """Count what a request cost in the end, in the periods it ends in; again is nothing."""
        hold = self._holds.pop(name, None)
        if hold is None:
            return
        self._turn(wall)
        self._held -= hold.held
        for period in Period:
            self._spent[period] += micros

    def spending(self, wall: int) -> Spending:
        """Return what is known to be spent; what runs is not in it."""
        self._turn(wall)
        return Spending(*self._spent.values())

    def _overspent(self, period: Period, limit: int, held: int, wall: int) -> Overspent:
        resets_in = _resets_in(period, self._began, wall)
        return Overspent(period, limit, self._spent[period], held, resets_in)

    def _turn(self, wall: int) -> None:
        """Begin a new day, and a new month, when the old one is over."""
        today, began = _date(wall), self._began
        if began - _STEP <= today <= began:
            return
        self._began = today
        if today < began:  # the clock was far ahead; what was spent by it stays spent
            return
        self._spent[Period.DAY] = 0
        if (today.year, today.month) != (began.year, began.month):
            self._spent[Period.MONTH] = 0


def _limits(budget: BudgetOptions) -> list[tuple[Period, int]]:
    limits = ((period, getattr(budget, period.value)) for period in Period)
    return [(period, limit) for period, limit in limits if limit is not None]


def _date(wall: int) -> datetime.date:
    return datetime.date.fromordinal(_EPOCH + wall // _SECOND // _DAY)


def _resets_in(period: Period, began: datetime.date, wall: int) -> float | None:
    if period is Period.TOTAL:
        return None
    ends = began + datetime.timedelta(days=1)
    if period is Period.MONTH:
        ends = (began.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
    return max(0.0, (ends.toordinal() - _EPOCH) * _DAY - wall / _SECOND)
