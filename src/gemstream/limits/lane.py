"""The lane to one model of one account: first come, first served, however many threads come.

Strategy. As long as nobody waits, a request asks the books and goes. One that does not fit takes a
place in the row; only who stands first asks the books again, when a limit frees by the clock or
somebody's settlement wakes it. So ten thousand waiters cost no more than one, and none overtakes.
Nothing here takes a lock: places are added and removed by single operations of a deque.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from ..config.limits import Limits
from ..errors import GemstreamError, RateLimited, ResourceExhausted
from ..policy.limit.claim import MICROSECONDS, MINUTE, Claim, Refused, Spent, Unit, Wait
from ..policy.limit.learned import LearnedLimits
from ..policy.limit.log import Level
from ..policy.limit.quota import ScopeClaims, gate_of, row_of
from ..telemetry.decision import Decision, Verdict
from .ask import Ask
from .place import Place
from .refusal import out_of_patience, too_large, too_long, waiting
from .reservation import Reservation
from .store import LimitStore

__all__ = ("LONGEST_WAIT", "Lane")

_log = logging.getLogger("gemstream.limits")

# What is full for a minute is waited for; a day's allowance is not, unless the caller says so.
LONGEST_WAIT = 300.0
# How often books that others write to are asked again when nobody knows when to.
_POLL = 0.25
# How often to look whether the event loop of who stands first, another than ours, still runs.
_LOOK = 2.0
_HINT = "; tier=…, GEMINI_TIER or a gemstream.toml names another tier"
# Shorter waits are not worth a line.
_SHORTEST_TOLD = 1.0
# Those who were held back start over this part of the hold, not all in one moment.
_SPREAD = 0.25
_WIDEST_GAP = 1.0
_ALL = Limits(rpm=1, tpm=1, rpd=1, concurrency=1)  # to name the books of every limit there is


class Lane:
    """Lets the requests of one scope through; shared by everybody who asks for that scope."""

    __slots__ = (
        "__weakref__",
        "_claims",
        "_learned",
        "_log_again",
        "_places",
        "_refusals",
        "_spread",
        "_store",
        "scope",
    )

    def __init__(self, scope: str, store: LimitStore) -> None:
        self.scope = scope
        self._store = store
        self._places: deque[Place] = deque()
        self._learned = LearnedLimits()
        self._refusals = 0  # that were news
        self._claims = ScopeClaims(scope, Limits())  # of the limits that were asked for last
        self._log_again = 0  # from when on another wait is logged
        self._spread = range(0)  # the moments after a hold in which it counts

    async def reserve(self, ask: Ask) -> Reservation:
        """Return a reservation once the request may be sent; it must be settled.

        Raises RateLimited when the request never fits, or not within its patience. Cancelling is
        safe at any moment: the place goes to the next, and what was taken is given back.
        """
        wait: Wait | None = None
        first = self._first()
        if first is not None and first.is_idle:
            self._notify()
            first = self._first()
        if first is None:
            taken = await self._try(ask)
            if isinstance(taken, Reservation):
                if ask.told is not None:  # asked here, for building the facts costs 0.3 µs
                    self._tell(ask, Verdict.GRANTED, delay=0.0)
                return taken
            wait = taken
        else:
            self._check_size(ask)
        return await self._queue(ask, wait)

    async def keep_up(self, ask: Ask) -> None:
        """Wait until what runs has not used more tokens than allowed; safe to cancel.

        It stands in no row: what it waits for was used already, and nobody can be let in before.
        """
        tokens = [claim for claim in self.claims(ask) if claim.unit is Unit.TOKENS]
        probe = [msgspec.structs.replace(claim, cost=0) for claim in tokens]
        name = self._store.new_name()
        try:
            while isinstance(wait := await self._store.reserve(name, probe), Wait):
                self._tell_claim(ask, Verdict.PAUSED, wait.claim, delay=self._delay(wait))
                await asyncio.sleep(self._pause(wait) or _POLL)
        finally:
            self._store.settle(name, probe, Spent())

    @property
    def refusals(self) -> int:
        """How many volleys of requests the service has refused."""
        return self._refusals

    def receive_refusal(self, error: ResourceExhausted, ask: Ask, since: int | None = None) -> None:
        """Learn from a 429: the limits that the service names, and how long to hold back.

        ``since``: what ``refusals`` was when the request was let through; None for now.
        """
        is_echo = since is not None and since < self._refusals
        self._refusals += not is_echo
        learned = self._learned
        for quota, amount in learned.receive_refusal(
            error, ask.limits, ask.ceiling, is_echo=is_echo
        ):
            self._tell(ask, Verdict.LEARNED, quota=quota, amount=amount)
        moment = self._store.moment()
        delay = learned.delay(error, moment.wall, is_echo=is_echo)
        self._store.hold(gate_of(self.scope), delay)
        opens = max(moment.now + delay, self._spread.start)
        self._spread = range(opens, opens + int(delay * _SPREAD))
        self._tell(ask, Verdict.HELD, delay=delay / MICROSECONDS)

    def receive_success(self, ask: Ask) -> None:
        """Note that the service answered."""
        amount = self._learned.receive_success(ask.limits, ask.ceiling)
        if amount is not None:
            self._tell(ask, Verdict.LEARNED, quota="concurrency", amount=amount)

    def claims(self, ask: Ask) -> tuple[Claim, ...]:
        """Return what ``ask`` claims, with what was learned."""
        limits = self._learned.within(ask.limits, is_own=ask.is_own, budget=ask.budget)
        claims = self._claims  # once: another thread may put those of other limits there
        if limits is not claims.limits:
            claims = self._claims = ScopeClaims(self.scope, limits)
        return claims.of(ask.tokens)

    @property
    def waiting(self) -> int:
        """How many stand in the row."""
        return len(self._places)

    async def levels(self, ask: Ask) -> tuple[list[Level], int]:
        """Return how full the limits of ``ask`` are, and how many requests wait."""
        *levels, row = await self._store.levels((*self.claims(ask), row_of(self.scope)))
        return levels, max(row.used, self.waiting)

    def seconds_until(self, moment: int | None) -> float | None:
        """Return how many real seconds are left until ``moment`` of the books; None for None."""
        if moment is None:
            return None
        return max(0.0, self._store.seconds(moment - self._store.moment().now))

    def sweep(self) -> bool:
        """Forget what changes nothing by it; True when a new lane would not do otherwise."""
        if self._places or not self._learned.is_empty:
            return False
        return self._store.sweep((*ScopeClaims(self.scope, _ALL).of(1), row_of(self.scope)))

    async def _try(self, ask: Ask) -> Reservation | Wait:
        name, claims = self._store.new_name(), self.claims(ask)
        try:
            verdict = await self._store.reserve(name, claims)
        except BaseException:
            self._store.settle(name, claims, Spent())  # perhaps it was just taken
            raise
        if isinstance(verdict, Refused):
            raise self._too_large(ask, verdict.claim)
        if verdict is not None:
            return verdict
        return Reservation(self._store, name, claims, self._notify)

    def _check_size(self, ask: Ask) -> None:
        """Raise RateLimited for a request that never fits: it need not wait to be told so."""
        for claim in self.claims(ask):
            if claim.cost > claim.limit.most:
                raise self._too_large(ask, claim)

    def _too_large(self, ask: Ask, claim: Claim) -> RateLimited:
        self._tell_claim(ask, Verdict.REFUSED, claim)
        return too_large(claim, ask.setting)

    async def _queue(self, ask: Ask, wait: Wait | None) -> Reservation:
        """Stand in the row until it is this request's turn and it fits."""
        began = self._store.moment().now
        self._check_patience(ask, wait, ask.patience)
        place, ahead = Place(), len(self._places)
        self._places.append(place)
        self._tell_waiting(ask, wait, ahead)
        self._log_wait(ask, wait)
        name, row = self._store.new_name(), (row_of(self.scope),)
        try:
            async with asyncio.timeout(ask.patience):
                await self._show_place(name, row)
                await self._come_first(place)
                reservation = await self._take_turn(ask, place, began)
        except TimeoutError:
            self._tell(ask, Verdict.REFUSED)
            raise out_of_patience(None, ask.patience or 0.0, None, ask.setting) from None
        finally:
            self._hide_place(name, row)
            self._leave(place)
        waited = (self._store.moment().now - began) / MICROSECONDS
        self._tell(ask, Verdict.GRANTED, delay=waited, ahead=ahead)
        return reservation

    async def _come_first(self, place: Place) -> None:
        """Wait until ``place`` is the first of the row."""
        while True:
            # Passed while its event loop stood still; who took it out wakes it once it is.
            if place.was_passed and place not in self._places:
                self._places.append(place)
            first = self._first()
            if first is place:
                return
            if first is not None and first.is_idle:
                self._notify()
            is_beside = first is not None and place.is_beside(first)
            await place.sleep(None if is_beside else _LOOK)

    async def _show_place(self, name: str, row: Sequence[Claim]) -> None:
        """Let other processes see that somebody waits; books that cannot tell stop nobody."""
        if self._store.is_shared:
            with contextlib.suppress(GemstreamError):
                await self._store.reserve(name, row)

    def _hide_place(self, name: str, row: Sequence[Claim]) -> None:
        if self._store.is_shared:
            self._store.settle(name, row, Spent())

    async def _take_turn(self, ask: Ask, place: Place, began: int) -> Reservation:
        """Ask the books until the request fits."""
        while True:
            if place.was_passed:
                await self._come_first(place)
            if (gap := self._gap()) is not None:
                # Not place.sleep(): the answers to those before would cut it short.
                await asyncio.sleep(gap)
            taken = await self._try(ask)
            if isinstance(taken, Reservation):
                return taken
            left = None
            if ask.patience is not None:
                left = ask.patience - self._store.seconds(self._store.moment().now - began)
            self._check_patience(ask, taken, left)
            await place.sleep(self._pause(taken))

    def _gap(self) -> float | None:
        """Return for how many real seconds to let others go first, after a hold that is over."""
        now = self._store.moment().now
        if now not in self._spread:
            return None
        left = self._store.seconds(self._spread.stop - now)
        return 2 * min(_WIDEST_GAP, left / (1 + len(self._places))) * random.random()

    def _delay(self, wait: Wait) -> float | None:
        """Return how long ``wait`` takes, in seconds of the books."""
        if wait.until is None:
            return None
        return (wait.until - self._store.moment().now) / MICROSECONDS

    def _pause(self, wait: Wait) -> float | None:
        """Return for how many real seconds to sleep when nobody wakes us."""
        if wait.until is None:
            return _POLL if self._store.is_shared else None
        # Rounded up: a timer that fires a moment early would find the limit full once more.
        return self._store.seconds(wait.until - self._store.moment().now + 500)

    def _check_patience(self, ask: Ask, wait: Wait | None, left: float | None) -> None:
        """Raise RateLimited when ``wait`` takes longer than the request may wait."""
        seconds = None if wait is None else self._delay(wait)
        claim = None if wait is None else wait.claim
        if left is None:
            if claim is None or seconds is None or seconds <= LONGEST_WAIT:
                return
            error = too_long(claim, seconds, self._store.moment().wall, ask.setting)
        elif ask.patience == 0 or (seconds or 0) > left:
            error = out_of_patience(claim, ask.patience or 0.0, seconds, ask.setting)
        else:
            return
        self._tell(ask, Verdict.REFUSED, quota=error.quota, amount=error.limit, delay=seconds)
        raise error

    def _leave(self, place: Place) -> None:
        with contextlib.suppress(ValueError):  # taken out by others once its loop had closed
            self._places.remove(place)
        self._notify()

    def _notify(self) -> None:
        """Let who stands first look again: something was given back, or the place is new.

        Nobody waits for an event loop that does not run: who stands there comes back at the end.
        """
        while (first := self._first()) is not None and not first.wake():
            first.was_passed = True  # before it is, or it could stand nowhere and not know
            with contextlib.suppress(ValueError):  # left in this moment
                self._places.remove(first)
            first.wake()

    def _first(self) -> Place | None:
        if not self._places:
            return None
        try:
            return self._places[0]
        except IndexError:  # left in this moment
            return None

    def _log_wait(self, ask: Ask, wait: Wait | None) -> None:
        """Log a long wait of which nobody is told, once a minute: nobody should have to guess."""
        if ask.told is not None:
            return
        moment = self._store.moment()
        seconds = None if wait is None else self._delay(wait)
        if wait is None or seconds is None or seconds <= _SHORTEST_TOLD:
            return
        if moment.now >= self._log_again:
            self._log_again = moment.now + MINUTE
            model = self.scope.rpartition("|")[2]
            hint = "" if ask.is_own else _HINT
            _log.warning("%s: %s%s", model, waiting(wait.claim, seconds, ask.setting), hint)

    def _tell_waiting(self, ask: Ask, wait: Wait | None, ahead: int) -> None:
        if ask.told is None:
            return
        if wait is None:
            self._tell(ask, Verdict.WAITING, ahead=ahead)
            return
        self._tell_claim(ask, Verdict.WAITING, wait.claim, delay=self._delay(wait), ahead=ahead)

    def _tell_claim(
        self,
        ask: Ask,
        verdict: Verdict,
        claim: Claim,
        *,
        delay: float | None = None,
        ahead: int = 0,
    ) -> None:
        self._tell(
            ask, verdict, quota=claim.quota, amount=claim.limit.amount, delay=delay, ahead=ahead
        )

    def _tell(self, ask: Ask, verdict: Verdict, **facts: Any) -> None:
        if ask.told is not None:
            ask.told(Decision(verdict=verdict, scope=self.scope, setting=ask.setting, **facts))
