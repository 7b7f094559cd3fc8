"""Records on their way to the database: written until they are, whatever it takes.

While all is well a record is one unit in the database's queue. When that fails it is held, put on
disk beside the database, and tried again until it is taken. What is held is bounded by the attempts
that were under way when the database went away, for nothing new is opened without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Sequence

from ...errors import InvalidState, StoreUnavailable
from ...stores.database import Database
from ...stores.statement import Rows
from .record import Record
from .spill import Spill

__all__ = ("Outbox",)

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 5.0
_TOGETHER = 256
_log = logging.getLogger("gemstream.relay.ledger")


class Outbox:
    """What still has to be written; ``spill`` is None to hold it in memory alone."""

    __slots__ = (
        "_back",
        "_database",
        "_flying",
        "_held",
        "_idle",
        "_is_closed",
        "_mending",
        "_spill",
        "_spilled",
        "_together",
    )

    def __init__(self, database: Database, spill: Spill | None) -> None:
        self._database = database
        self._spill = spill
        self._flying = 0
        self._held: list[Record] = []
        self._spilled = 0  # so many of the held are on disk, from the first on
        self._together = _TOGETHER
        self._mending: asyncio.Task[None] | None = None
        self._is_closed = False
        self._back = asyncio.Event()  # the database has taken something
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def held(self) -> int:
        """How many records wait for the database to come back."""
        return len(self._held)

    def write(self, record: Record) -> None:
        """Have ``record`` written; never waits, never raises."""
        try:
            # Nobody waits for it: it goes along with the next row that is opened.
            future = self._database.submit(record.statement(), is_urgent=False)
        except (StoreUnavailable, InvalidState) as error:
            self._hold(record, error)
            return
        self._flying += 1
        self._idle.clear()
        future.add_done_callback(functools.partial(self._answered, record))

    def adopt(self, records: Sequence[Record]) -> None:
        """Have records written that are in the spill already; before any other."""
        self._held = list(records)
        self._spilled = len(records)
        self._mend_soon()

    async def flush(self) -> None:
        """Return once nothing is under way or held; safe to cancel."""
        await self._idle.wait()

    async def aclose(self, patience: float) -> None:
        """Wait for what is under way, at most ``patience`` seconds; the rest stays in the spill."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.flush()
        self._is_closed = True
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)
        if self._held:
            await self._to_disk()
            kept = "on disk" if self._spilled == len(self._held) else "LOST"
            _log.error("the database stays away: %d records are %s", len(self._held), kept)

    def _answered(self, record: Record, future: asyncio.Future[list[Rows]]) -> None:
        self._flying -= 1
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if isinstance(error, InvalidState):
            _log.error("the ledger lost a record, for %s: %r", error, record)
        elif error is not None:
            self._hold(record, error)
        elif self._held:
            self._back.set()
        self._settle_down()

    def _hold(self, record: Record, error: BaseException) -> None:
        if self._is_closed:
            self._keep(record, error)
            return
        if not self._held:
            _log.warning("the ledger holds back what it cannot write: %s", error)
        self._held.append(record)
        self._mend_soon()

    def _keep(self, record: Record, error: BaseException) -> None:
        """Put a record on disk at once: nobody is left who would do it later."""
        try:
            if self._spill is None:
                raise OSError("it has no folder for a spill")
            self._spill.append([record])
        except OSError as reason:
            _log.error("the ledger lost a record, for %s and %s: %r", error, reason, record)

    def _mend_soon(self) -> None:
        if self._held and self._mending is None:
            self._idle.clear()
            loop = asyncio.get_running_loop()
            self._mending = loop.create_task(self._mend(), name="gemstream-ledger-outbox")

    def _settle_down(self) -> None:
        if not self._flying and not self._held and self._mending is None:
            self._idle.set()

    # --- while the database is away --------------------------------------------------------------

    async def _mend(self) -> None:
        delay = _FIRST_DELAY
        while self._held:
            await self._to_disk()
            if await self._try_again():
                delay = _FIRST_DELAY
                continue
            self._back.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._back.wait()
            delay = min(delay * 2, _LONGEST_DELAY)
        await self._off_disk()
        self._together = _TOGETHER
        self._mending = None
        self._mend_soon()  # what failed while the file was removed
        self._settle_down()

    async def _try_again(self) -> bool:
        """Write the first of the held; False when the database is still away."""
        records = self._held[: self._together]
        try:
            future = self._database.submit(*(record.statement() for record in records))
        except (StoreUnavailable, InvalidState):  # too slow, or closed before us
            return False
        try:
            await asyncio.shield(future)
        except StoreUnavailable:
            return False
        except InvalidState as error:
            if len(records) > 1:
                self._together = 1  # to find the one
                return True
            _log.error("the ledger lost a record, for %s: %r", error, records[0])
        del self._held[: len(records)]
        self._spilled = max(0, self._spilled - len(records))
        return True

    async def _to_disk(self) -> None:
        fresh = self._held[self._spilled :]
        if self._spill is None or not fresh:
            return
        try:
            await asyncio.to_thread(self._spill.append, fresh)
        except OSError as error:
            _log.error("%d records of the ledger are in memory alone: %s", len(fresh), error)
        else:
            self._spilled += len(fresh)

    async def _off_disk(self) -> None:
        if self._spill is None:
            return
        try:
            await asyncio.to_thread(self._spill.clear)
        except OSError as error:
            # They are written a second time at the next start, which changes nothing.
            _log.warning("%s cannot be removed: %s", self._spill.path, error)
        self._spilled = 0
