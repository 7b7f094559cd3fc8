"""What all keys have spent, as this process knows it, and the budgets held to that.

Strategy. A key's spending is read from the books before its first request, and kept from there on:
what is settled here is counted here, at once. Where several processes serve one key, ``follow``
reads the keys that are in use anew every two seconds, and one that was not is read again before its
next request. So what the others spend is known here within two seconds and the time of a reading.
In that time, and by what the others hold for requests that run, a budget can be overdrawn; in a
single process by nothing but what each report of usage adds to the last. When the books cannot be
read, a key that was never read is refused, one that was goes on.
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

# Older than this is what was read of a key that was not in use: two readings and some patience.
_STALE = 5.0

_log = logging.getLogger("gemstream.relay")


async def nothing_spent(key_id: str) -> Spending:
    """Return what a key has spent where no books are kept: nothing before this process began."""
    return Spending()


class Budgets:
    """The budgets of all keys in one process; used by one event loop.

    ``wall``: gives microseconds since 1970.
    """

    __slots__ = (
        "_is_away",
        "_is_followed",
        "_logs",
        "_read_at",
        "_reading",
        "_spending_of",
        "_used",
        "_wall",
    )

    def __init__(
        self,
        spending_of: SpendingOf = nothing_spent,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._spending_of = spending_of
        self._wall = wall
        # Also of keys without a budget: they may be given one while something runs.
        self._logs: dict[str, BudgetLog] = {}
        self._read_at: dict[str, float] = {}  # of which the books were asked, on the loop's clock
        self._reading: dict[str, asyncio.Lock] = {}
        self._used: set[str] = set()  # since the books were read last
        self._is_followed = False
        self._is_away = False

    async def prepare(self, key: Key) -> None:
        """Read what ``key`` has spent, unless it is known or has no budget; safe to cancel.

        Raises StoreUnavailable.
        """
        if not _is_limited(key.budget) or self._is_known(key.id):
            return
        async with self._reading.setdefault(key.id, asyncio.Lock()):
            if not self._is_known(key.id):
                try:
                    await self._learn(key.id)
                except StoreUnavailable as error:
                    if key.id not in self._read_at:
                        raise
                    self._note_away(error)
        self._reading.pop(key.id, None)

    def reserve(self, key: Key, name: str, micros: int, least: int = 0) -> None:
        """Hold ``micros`` of a prepared key's budget, or what is left of it, at least ``least``.

        Raises BudgetExceeded.
        """
        self._used.add(key.id)
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
        if key_id not in self._read_at:
            return None
        return self._log_of(key_id).spending(self._wall())

    def forget(self, key_id: str) -> None:
        """Drop what is kept for a key that is no more, unless something of it runs still."""
        log = self._logs.get(key_id)
        if log is not None and log.is_idle:
            del self._logs[key_id]
            self._read_at.pop(key_id, None)
            self._used.discard(key_id)

    async def read(self) -> None:
        """Read anew what the keys have spent that are in use. Raises StoreUnavailable."""
        for key_id in tuple(self._read_at):
            if key_id in self._used or not self._log_of(key_id).is_idle:
                await self._learn(key_id)

    async def follow(self, every: float = FOLLOW_EVERY) -> None:
        """Read anew again and again, until cancelled; books that are away are waited for."""
        self._is_followed = True
        try:
            while True:
                await asyncio.sleep(every)
                try:
                    await self.read()
                except StoreUnavailable as error:
                    self._note_away(error)
                else:
                    self._note_back()
        finally:
            self._is_followed = False

    def _is_known(self, key_id: str) -> bool:
        """Return whether what the books have was read, and others have not spent since."""
        at = self._read_at.get(key_id)
        if at is None or not self._is_followed or self._is_away:
            return at is not None
        return asyncio.get_running_loop().time() - at <= _STALE

    async def _learn(self, key_id: str) -> None:
        asked_at = asyncio.get_running_loop().time()
        self._used.discard(key_id)  # before: who uses it meanwhile has it read once more
        try:
            spending = await self._spending_of(key_id)
        except BaseException:
            self._used.add(key_id)
            raise
        self._log_of(key_id).learn(spending, self._wall())
        self._read_at[key_id] = asked_at

    def _note_away(self, error: StoreUnavailable) -> None:
        if not self._is_away:
            _log.warning(
                "budgets go by what this process knows, not by what others spend: %s", error
            )
        self._is_away = True

    def _note_back(self) -> None:
        if self._is_away:
            _log.warning("budgets go by the books again")
        self._is_away = False

    def _log_of(self, key_id: str) -> BudgetLog:
        log = self._logs.get(key_id)
        if log is None:
            log = self._logs[key_id] = BudgetLog()
        return log


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
