"""What all keys have spent, as this process knows it, and the budgets held to that.

Strategy. A key's spending is read from the books before its first request, and kept from there on:
what is settled here is counted here, at once. Where several processes serve one key, ``follow``
reads it anew every two seconds, so what the others spend is known here within two seconds and the
time of one reading. In that time, and by what the others still hold for requests that run, a budget
can be overdrawn; in a single process by nothing but what one report of usage adds to the last.
When the books cannot be read, a key that was never read is refused, one that was goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from ...config.dollars import in_dollars
from ...config.relay.options import BudgetOptions
from ...errors import BudgetExceeded, StoreUnavailable
from ...limits.refusal import time_words
from ...policy.key.budget import BudgetLog, Overspent, Period, Spending
from .key import Key

__all__ = ("FOLLOW_EVERY", "Budgets", "SpendingOf", "nothing_spent")

SpendingOf = Callable[[str], Awaitable[Spending]]
"""Tells what the books say that a key, by its id, has spent. Raises StoreUnavailable."""

FOLLOW_EVERY = 2.0
"""Seconds between two readings of the books, where others write to them."""

_log = logging.getLogger("gemstream.relay")


async def nothing_spent(key_id: str) -> Spending:
    """Return what a key has spent where no books are kept: nothing before this process began."""
    return Spending()


class Budgets:
    """The budgets of all keys in one process; used by one event loop.

    ``wall``: gives microseconds since 1970.
    """

    __slots__ = ("_logs", "_read", "_reading", "_spending_of", "_wall", "_was_away")

    def __init__(
        self,
        spending_of: SpendingOf = nothing_spent,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._spending_of = spending_of
        self._wall = wall
        # Also of keys without a budget: they may be given one while something runs.
        self._logs: dict[str, BudgetLog] = {}
        self._read: set[str] = set()  # of which the books were asked
        self._reading: dict[str, asyncio.Lock] = {}
        self._was_away = False

    async def prepare(self, key: Key) -> None:
        """Read what ``key`` has spent, unless it is known or has no budget; safe to cancel.

        Raises StoreUnavailable.
        """
        if key.id in self._read or not _is_limited(key.budget):
            return
        async with self._reading.setdefault(key.id, asyncio.Lock()):
            if key.id not in self._read:
                spending = await self._spending_of(key.id)
                self._log_of(key.id).learn(spending, self._wall())
                self._read.add(key.id)
        self._reading.pop(key.id, None)

    def reserve(self, key: Key, name: str, micros: int, least: int = 0) -> None:
        """Hold ``micros`` of a prepared key's budget, or what is left of it, at least ``least``.

        Raises BudgetExceeded.
        """
        if over := self._log_of(key.id).reserve(name, micros, key.budget, self._wall(), least):
            raise _refusal(key, over, least)

    def adjust(self, key: Key, name: str, micros: int) -> None:
        """Note what a running request has cost so far. Raises BudgetExceeded when it must stop."""
        if over := self._log_of(key.id).adjust(name, micros, key.budget, self._wall()):
            raise _cut(key, over)

    def settle(self, key: Key, name: str, micros: int) -> None:
        """Count what a request cost in the end; again is nothing."""
        self._log_of(key.id).settle(name, micros, self._wall())

    def spending(self, key_id: str) -> Spending | None:
        """Return what ``key_id`` has spent; None when it has no budget or was not used yet."""
        if key_id not in self._read:
            return None
        return self._log_of(key_id).spending(self._wall())

    def forget(self, key_id: str) -> None:
        """Drop what is kept for a key that is no more, unless something of it runs still."""
        log = self._logs.get(key_id)
        if log is not None and log.is_idle:
            del self._logs[key_id]
            self._read.discard(key_id)

    async def read(self) -> None:
        """Read anew what every key has spent that was used. Raises StoreUnavailable."""
        for key_id in tuple(self._read):
            spending = await self._spending_of(key_id)
            self._log_of(key_id).learn(spending, self._wall())

    def _log_of(self, key_id: str) -> BudgetLog:
        log = self._logs.get(key_id)
        if log is None:
            log = self._logs[key_id] = BudgetLog()
        return log

    async def follow(self, every: float = FOLLOW_EVERY) -> None:
        """Read anew again and again, until cancelled; books that are away are waited for."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.read()
            except StoreUnavailable as error:
                if not self._was_away:
                    _log.warning(
                        "budgets go by what this process knows, not by what others spend: %s", error
                    )
                self._was_away = True
            else:
                if self._was_away:
                    _log.warning("budgets go by the books again")
                self._was_away = False


def _is_limited(budget: BudgetOptions) -> bool:
    return any(getattr(budget, period.value) is not None for period in Period)


def _refusal(key: Key, over: Overspent, least: int) -> BudgetExceeded:
    if over.spent >= over.limit:
        return _error(f"{_budget(key, over)} is used up; nothing was sent", over, over.resets_in)
    spent = f"${in_dollars(over.spent)} spent, ${in_dollars(over.held)} held by requests that run"
    if over.spent + least > over.limit:
        message = (
            f"the request costs ${in_dollars(least)} at least, more than is left of "
            f"{_budget(key, over)} ({spent}); nothing was sent"
        )
        return _error(message, over, over.resets_in)
    return _error(
        f"nothing is left of {_budget(key, over)} ({spent}); nothing was sent, try again when one "
        "of them has ended",
        over,
        None,
    )


def _cut(key: Key, over: Overspent) -> BudgetExceeded:
    return _error(f"the answer was cut: {_budget(key, over)} is used up", over, over.resets_in)


def _budget(key: Key, over: Overspent) -> str:
    period = "in all" if over.period is Period.TOTAL else f"a {over.period.value}"
    return f"the budget of ${in_dollars(over.limit)} {period} of key {key.name!r:.80}"


def _error(message: str, over: Overspent, delay: float | None) -> BudgetExceeded:
    when = "" if delay is None else f"; a new one begins in {time_words(delay)}"
    return BudgetExceeded(
        f"{message}{when}",
        max_cost=in_dollars(over.limit),
        period=over.period.value,
        retry_delay=delay,
    )
