"""The books of one process: a row before an attempt is sent, settled once, whatever happens.

Strategy. ``open`` waits for the row to be on disk, so that no attempt is sent that a crash could
hide. ``settle`` waits for nothing: the outbox writes it until it is written. Between the two the
counts so far are noted every few seconds, so that the row of a process that died has a lower bound.
Beside that this process says that it lives, and closes the rows of those that no longer do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ...errors import InvalidState, StoreUnavailable
from ...stores.database import Database
from ...stores.statement import Rows
from ...wire.usage import UsageMetadata
from .attempt import Attempt, Settlement
from .outbox import Outbox
from .record import note_statement, opening, settling, withdrawing
from .replica import BEAT_EVERY, Replica
from .spill import Spill
from .sweeper import sweep, sweep_own

__all__ = ("Ledger",)

# An answer that lasts longer than this has its counts on disk at most so many seconds old.
_NOTE_EVERY = 5.0
_NOTES_TOGETHER = 256
_log = logging.getLogger("gemstream.relay.ledger")


class Ledger:
    """The books in ``database``, written by the process named ``replica``.

    ``spill``: the folder for what cannot be written, None to hold it in memory alone; processes
    of one machine share it. Between ``start`` and ``aclose`` it belongs to one event loop; the
    database is its owner's to close, afterwards. ``open_rows``: attempts of this process that are
    not settled. ``reconciled``: rows of processes that died which this one closed.
    """

    def __init__(
        self,
        database: Database,
        replica: str,
        *,
        spill: Path | None = None,
    ) -> None:
        self._database = database
        self._replica = Replica(database, replica)
        self._spill = None if spill is None else Spill(spill, replica)
        self._outbox = Outbox(database, self._spill)
        self._notes: dict[tuple[str, int], tuple[UsageMetadata | None, int, int | None]] = {}
        self._duties: list[asyncio.Task[None]] = []
        self.open_rows = 0
        self.reconciled = 0

    @property
    def held(self) -> int:
        """How many settlements wait for the database to come back."""
        return self._outbox.held

    async def start(self) -> None:
        """Enter this process, write what the dead left behind, and begin to look after the rows.

        Raises StoreUnavailable when the database or the spill's folder is out of reach.
        """
        await sweep_own(self._database, self._replica.name)
        await self._replica.beat()
        if self._spill is not None:
            living = await self._replica.living()
            try:
                left = await asyncio.to_thread(self._spill.take_over, living)
            except OSError as error:
                raise StoreUnavailable(f"the ledger's spill cannot be read: {error}") from error
            self._outbox.adopt(left)
            # Before a sweep, though a settlement takes the place of ``unknown`` too.
            await self._outbox.flush()
        self.reconciled += await sweep(self._database)
        self._duties = [
            self._duty("notes", _NOTE_EVERY, self.write_notes),
            self._duty("heartbeat", BEAT_EVERY, self._look_after),
        ]

    async def open(self, attempt: Attempt) -> None:
        """Return once the row of ``attempt`` is on disk: only then may it be sent.

        Raises StoreUnavailable when it cannot be written, InvalidState when the request has an
        attempt of this number already or the ledger was not started. When it is cancelled, or the
        outcome of the commit is not known, the row is taken back: the attempt must not be sent.
        """
        if not self._duties:
            raise InvalidState("the ledger was not started: await ledger.start()")
        future = self._database.submit(opening(attempt, self._replica.name))
        try:
            (rows,) = await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: self._take_back(attempt, done))
            raise
        except StoreUnavailable:
            self._take_back(attempt, future)
            raise
        self.open_rows += bool(rows)
        if not rows:
            raise InvalidState(
                f"request {attempt.request_id} has an attempt {attempt.number} already"
            )

    def note(
        self,
        request_id: str,
        number: int,
        usage: UsageMetadata | None,
        bytes: int,
        cost: int | None = None,
    ) -> None:
        """Note what an open attempt has come to so far, as a lower bound should the process die.

        Costs 0.3 µs: only the last word of every 5 s is written. Never waits, never raises.
        """
        self._notes[request_id, number] = (usage, bytes, cost)

    def settle(self, settlement: Settlement) -> None:
        """Close the row of an attempt; a second time changes nothing. Never waits, never raises.

        It is tried until it is written; while the database is away it waits in the spill.
        """
        self.open_rows -= 1
        self._notes.pop((settlement.request_id, settlement.number), None)
        self._outbox.write(settling(settlement))

    async def write_notes(self) -> None:
        """Write what was noted since the last time; raises StoreUnavailable."""
        notes, self._notes = self._notes, {}
        statements = [note_statement(row, *note) for row, note in notes.items()]
        for start in range(0, len(statements), _NOTES_TOGETHER):
            await self._database.run(*statements[start : start + _NOTES_TOGETHER])

    async def flush(self) -> None:
        """Return once every settlement so far is on disk; safe to cancel."""
        await self._outbox.flush()

    async def aclose(self, patience: float = 5.0) -> None:
        """Write what is left, for at most ``patience`` seconds, and leave.

        What cannot be written by then stays in the spill for the next start.
        """
        duties, self._duties = self._duties, []
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        await self._outbox.aclose(patience)
        if duties and not self._outbox.held:
            try:
                await self._replica.leave()
            except StoreUnavailable as error:
                _log.warning("the ledger cannot say farewell: %s", error)

    def _take_back(self, attempt: Attempt, future: asyncio.Future[list[Rows]]) -> None:
        """Withdraw a row that was or may have been written."""
        error = None if future.cancelled() else future.exception()
        if error is None:
            is_ours = not future.cancelled() and bool(future.result()[0])
        else:
            is_ours = isinstance(error, StoreUnavailable) and not error.is_outcome_known
        if is_ours:
            self._outbox.write(withdrawing(attempt))

    async def _look_after(self) -> None:
        # In this order: a clock that jumped would make us look dead to ourselves.
        await self._replica.beat()
        if closed := await sweep(self._database):
            self.reconciled += closed
            _log.warning("%d attempts of processes that died are closed as unknown", closed)

    def _duty(
        self, name: str, every: float, work: Callable[[], Awaitable[Any]]
    ) -> asyncio.Task[None]:
        task = _again_and_again(name, every, work)
        return asyncio.get_running_loop().create_task(task, name=f"gemstream-ledger-{name}")


async def _again_and_again(name: str, every: float, work: Callable[[], Awaitable[Any]]) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await work()
        except StoreUnavailable as error:
            _log.warning("the ledger's %s will be tried again: %s", name, error)
