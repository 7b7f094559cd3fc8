"""Units that wait for their turn, and one task that commits all that wait at once.

The task takes what is queued, commits it as one transaction and only then takes again: what comes
meanwhile is the next transaction. No timer decides over a unit that somebody waits for, so a lone
one is committed at once; one that nobody waits for goes along with the next, or alone in a moment.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from ..errors import InvalidState, StoreUnavailable
from .statement import Outcome, Rows, Statement, Unit

__all__ = ("MAX_QUEUED", "MAX_TOGETHER", "Commit", "WriteQueue")

Commit = Callable[[list[Unit]], Awaitable[list[Outcome]]]
"""Commits units as one transaction; raises when none of them was, and what is refused apart is
an outcome."""

# As many as one transaction may hold up the others who write: ~2 ms of SQLite's work.
MAX_TOGETHER = 256
# Far above what a stalled disk collects within its patience; it bounds memory, at ~1 KiB a unit.
MAX_QUEUED = 65_536

# So long a unit that is not urgent may wait for another to go along with.
_MOMENT = 0.01

_Waiting = tuple[Unit, asyncio.Future[list[Rows]]]


class WriteQueue:
    """The queue of one database ``name``; it belongs to one event loop."""

    __slots__ = ("_commit", "_due", "_is_closed", "_loop", "_name", "_task", "_waiting", "_wake")

    def __init__(self, commit: Commit, name: str) -> None:
        self._commit = commit
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._is_closed = False
        self._due: asyncio.Handle | None = None  # when what is not urgent goes alone
        self._task = self._loop.create_task(self._run(), name="gemstream-write-queue")

    def submit(self, *statements: Statement, is_urgent: bool = True) -> asyncio.Future[list[Rows]]:
        """Queue one unit and return the future of its rows; never waits."""
        if self._is_closed:
            raise InvalidState(f"{self._name} was closed")
        if len(self._waiting) >= MAX_QUEUED:
            raise StoreUnavailable(f"{self._name} is too slow: {MAX_QUEUED:,} units wait for it")
        future: asyncio.Future[list[Rows]] = self._loop.create_future()
        self._waiting.append((statements, future))
        if is_urgent:
            self._wake.set()
        elif self._due is None:
            self._due = self._loop.call_later(_MOMENT, self._wake.set)
        return future

    async def run(self, *statements: Statement) -> list[Rows]:
        """Queue one unit and return its rows once it is committed; cancelling undoes nothing."""
        return await asyncio.shield(self.submit(*statements))

    async def aclose(self) -> None:
        """Commit what is queued and end; what cannot be committed gets its exception."""
        self._is_closed = True
        self._wake.set()
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        while True:
            while self._waiting:
                await self._commit_next()
            if self._is_closed:
                return
            self._wake.clear()
            await self._wake.wait()

    async def _commit_next(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        size = min(len(self._waiting), MAX_TOGETHER)
        batch = [self._waiting.popleft() for _ in range(size)]
        outcomes: list[Outcome]
        try:
            outcomes = await self._commit([unit for unit, _ in batch])
        except Exception as error:  # it is for those who wait; without its task all would hang
            outcomes = [error] * size
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():  # whoever waited has cancelled it
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
