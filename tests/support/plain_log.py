"""Limits by the longest way: a plain list of all that happened, counted anew for every question.

Shares no arithmetic with ``gemstream.policy.limit``: no running total, no deque, fractions instead
of whole microseconds, the calendar instead of the ends of days.
"""

from __future__ import annotations

import datetime
import math
import zoneinfo
from dataclasses import dataclass, field
from fractions import Fraction

from gemstream.policy.limit.claim import Claim, Kind, Moment, Unit

__all__ = ("PlainLog",)

_PACIFIC = zoneinfo.ZoneInfo("America/Los_Angeles")


@dataclass
class _Entry:
    """One claim of one request that was let in."""

    name: str
    claim: Claim
    cost: int
    day: datetime.date
    stamped_at: int | None = None
    stamped_on: datetime.date | None = None
    is_running: bool = True
    is_counted: bool = True


@dataclass
class _Change:
    """What a rate was charged or given back at a moment."""

    key: str
    at: int
    cost: int
    is_entrance: bool = False


@dataclass
class PlainLog:
    """What ``LimitLog`` should answer."""

    entries: list[_Entry] = field(default_factory=list)
    changes: list[_Change] = field(default_factory=list)
    gates: dict[str, tuple[int, int]] = field(default_factory=dict)
    days: dict[str, datetime.date] = field(default_factory=dict)

    def fits(self, claim: Claim, moment: Moment) -> bool:
        """Return whether ``claim`` could be let in."""
        limit = claim.limit
        if limit.kind is Kind.GATE:
            now, wall = self.gates.get(claim.key, (0, 0))
            return moment.now >= now or moment.wall >= wall
        if limit.kind is Kind.RATE:
            left = limit.burst - self._owed(claim, moment)
            return claim.cost <= left
        return self.used(claim, moment) + claim.cost <= limit.amount

    def used(self, claim: Claim, moment: Moment) -> int:
        """Return how much of the limit that ``claim`` names counts now."""
        match claim.limit.kind:
            case Kind.WINDOW:
                since = moment.now - claim.limit.period
                return sum(
                    entry.cost
                    for entry in self._of(claim.key)
                    if entry.stamped_at is None or entry.stamped_at > since
                )
            case Kind.DAILY:
                day = self.day(claim.key, moment)
                on_its_day = [e for e in self._of(claim.key) if e.day == day]
                stamped_later = [
                    e for e in self._of(claim.key) if e.stamped_on == day and e.day != day
                ]
                return len(on_its_day) + len(stamped_later)
            case Kind.SLOTS:
                return sum(e.is_running for e in self.entries if e.claim.key == claim.key)
            case Kind.RATE:
                return math.ceil(self._owed(claim, moment))
            case Kind.GATE:
                return int(not self.fits(claim, moment))

    def day(self, key: str, moment: Moment) -> datetime.date:
        """Return the day that is counted: the newest that the wall has ever shown to this limit."""
        wall = datetime.datetime.fromtimestamp(moment.wall // 1_000_000, _PACIFIC).date()
        self.days[key] = max(self.days.get(key, wall), wall)
        return self.days[key]

    def take(self, name: str, claims: list[Claim], moment: Moment) -> None:
        """Let a request in."""
        for claim in claims:
            if claim.limit.kind is Kind.GATE:
                continue
            day = self.day(claim.key, moment) if claim.limit.kind is Kind.DAILY else _NO_DAY
            self.entries.append(_Entry(name, claim, claim.cost, day))
            if claim.limit.kind is Kind.RATE:
                self.changes.append(_Change(claim.key, moment.now, claim.cost, True))

    def stamp(self, name: str, moment: Moment) -> None:
        """Note the head of an answer."""
        for entry in self._called(name):
            if entry.stamped_at is None and entry.is_running:
                self._stamp(entry, moment)

    def adjust(self, name: str, tokens: int, moment: Moment) -> None:
        """Correct what a request used of tokens."""
        for entry in self._called(name):
            if entry.claim.unit is Unit.TOKENS and entry.is_running:
                self._charge(entry, tokens, moment)

    def settle(self, name: str, requests: int, tokens: int, moment: Moment) -> None:
        """Correct what a request used in the end."""
        for entry in self._called(name):
            if not entry.is_running:
                continue
            entry.is_running = False
            real = {Unit.REQUESTS: requests, Unit.TOKENS: tokens, Unit.RUNNING: 0}[entry.claim.unit]
            was_stamped = entry.stamped_at is not None
            if entry.claim.limit.kind is Kind.DAILY:
                entry.is_counted = bool(real) or was_stamped
            else:
                self._charge(entry, real, moment)
                entry.is_counted = bool(real)
            if real and not was_stamped:
                self._stamp(entry, moment)

    def hold(self, key: str, delay: int, moment: Moment) -> None:
        """Close a gate, unless it stays closed for longer anyhow."""
        now, wall = self.gates.get(key, (0, 0))
        if delay > min(now - moment.now, wall - moment.wall):
            self.gates[key] = (moment.now + delay, moment.wall + delay)

    def forget(self, key: str) -> None:
        """Note that the books of ``key`` were swept out.

        With them go the day they were at and the end of a hold: the wall's clock decides both, and
        once it is set back, what was over before is not there to begin again.
        """
        self.days.pop(key, None)
        self.gates.pop(key, None)

    def _of(self, key: str) -> list[_Entry]:
        return [entry for entry in self.entries if entry.claim.key == key and entry.is_counted]

    def _called(self, name: str) -> list[_Entry]:
        return [entry for entry in self.entries if entry.name == name]

    def _stamp(self, entry: _Entry, moment: Moment) -> None:
        entry.stamped_at = moment.now
        if entry.claim.limit.kind is Kind.DAILY:
            entry.stamped_on = self.day(entry.claim.key, moment)

    def _charge(self, entry: _Entry, cost: int, moment: Moment) -> None:
        if entry.claim.limit.kind is Kind.RATE:
            change = _Change(entry.claim.key, moment.now, cost - entry.cost)
            self.changes.append(change)
        entry.cost = cost

    def _owed(self, claim: Claim, moment: Moment) -> Fraction:
        """Return what of a burst is not yet paid off, by going through all that was ever charged.

        What is charged later for what was let in before is owed from then on, not from now.
        """
        each = Fraction(claim.limit.period, claim.limit.amount)
        until = Fraction(0)
        for change in self.changes:
            if change.key != claim.key:
                continue
            if change.is_entrance:
                until = max(until, Fraction(change.at))
            until = max(Fraction(change.at), until + change.cost * each)
        return max(Fraction(0), until - moment.now) / each


_NO_DAY = datetime.date.min
