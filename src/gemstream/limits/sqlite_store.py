"""The books in one file of the user's state folder, shared by all processes of the machine.

Strategy. The arithmetic is that of ``policy.limit``, run over rows in a transaction: the first
process to get the file decides, and the next sees what it decided. Time is the clock that never
steps, which all processes of one boot share; what it said before the machine started anew is
recognised and dropped, and days go by the wall's clock, so a day's count survives. When the file
cannot be used, limits go on being counted, in this process alone, and that is told once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from ..config.state_folder import state_folder
from ..errors import ConfigError, InvalidState, StoreUnavailable
from ..policy.limit.claim import Claim, Refused, Spent, Wait
from ..policy.limit.log import Level
from ..stores.sqlite import Frame, Pulse, SQLiteFile, Work
from ..telemetry.decision import Decision, Told, Verdict
from .clock import Clock
from .memory_store import MemoryStore
from .sqlite_books import SCHEMA, SQLiteBooks

__all__ = ("LEASE", "SQLiteStore", "limits_file")

T = TypeVar("T")

LEASE = 30.0
# Leases are put off three times within their length, so two may fail.
_RENEWALS = 3

_log = logging.getLogger("gemstream.limits")


def limits_file(environ: Mapping[str, str]) -> Path:
    """Return where a user's limits are counted. Raises ConfigError when there is no home."""
    return state_folder(environ) / "limits.sqlite3"


class SQLiteStore:
    """Limits shared by the processes of a machine; see ``LimitStore``.

    ``path``: the file, made with its folders at the first use; not on a network's file system.
    ``lease``: seconds that what a killed process held stays held. ``patience``: seconds to wait
    for other processes that write. ``told``: told when the file cannot be used, by whatever
    thread finds out. Raises ConfigError for numbers that are not above 0.
    """

    is_shared = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease: float = LEASE,
        patience: float = 5.0,
        told: Told | None = None,
        clock: Clock | None = None,
    ) -> None:
        for name, seconds in (("lease", lease), ("patience", patience)):
            if not 0 < seconds < float("inf"):
                raise ConfigError(f"{name} is {seconds!r}; it must be a number of seconds above 0")
        self._clock = clock or Clock()
        self.moment = self._clock.moment
        self.seconds = self._clock.seconds
        self._told = told
        self._names = itertools.count()
        self._degrading = threading.Lock()
        self._alone: MemoryStore | None = None  # the books once the file cannot be used
        self._books = books = SQLiteBooks(self.moment, int(lease / self.seconds(1)))
        self._file = SQLiteFile(
            Path(path),
            SCHEMA,
            patience=patience,
            pulse=Pulse(lease / _RENEWALS, lambda: books.renew if books.is_holding else None),
            frame=Frame(books.begin, books.end),
            farewell=books.leave,
        )

    def new_name(self) -> str:
        """Return a name that no other request in these books has."""
        self._notice_fork()
        return f"{self._books.holder}:{next(self._names)}"

    async def reserve(self, name: str, claims: Sequence[Claim]) -> Wait | Refused | None:
        """Take all of ``claims`` and return None, or take nothing and say why.

        Waits for other processes, but no longer than ``patience``. Raises InvalidState when the
        store was closed.
        """
        books = self._books
        asked = await self._ask(lambda rows: (books.reserve(rows, name, claims),))
        return await self._count_alone().reserve(name, claims) if asked is None else asked[0]

    def stamp(self, name: str, claims: Sequence[Claim]) -> None:
        """Note that the head of the answer is here."""
        self._correct("stamp", name, claims)

    def adjust(self, name: str, claims: Sequence[Claim], tokens: int) -> None:
        """Correct what a running request has used of tokens so far."""
        self._correct("adjust", name, claims, tokens)

    def settle(self, name: str, claims: Sequence[Claim], spent: Spent) -> None:
        """Correct what a request used to what it was; it runs no more."""
        self._correct("settle", name, claims, spent)

    def hold(self, gate: Claim, delay: int) -> None:
        """Let nothing through ``gate`` for ``delay`` microseconds."""
        self._correct("hold", gate, delay)

    async def levels(self, claims: Sequence[Claim]) -> list[Level]:
        """Return how full the limits are. Raises InvalidState when the store was closed."""
        books = self._books
        levels = await self._ask(lambda rows: books.levels(rows, claims))
        return await self._count_alone().levels(claims) if levels is None else levels

    async def scopes(self, prefix: str) -> list[str]:
        """Return the scopes that begin with ``prefix`` and of which something is written."""
        books = self._books
        scopes = await self._ask(lambda rows: books.scopes(rows, prefix))
        return await self._count_alone().scopes(prefix) if scopes is None else scopes

    def sweep(self, claims: Sequence[Claim]) -> bool:
        """Return True: the file is no memory of this process; it is swept as it is used."""
        return True if self._alone is None else self._alone.sweep(claims)

    async def aclose(self) -> None:
        """Write what is unwritten, settle what is open, let go; the store cannot be used again."""
        with contextlib.suppress(StoreUnavailable):  # then there is nothing of ours to write
            await asyncio.shield(asyncio.wrap_future(self._file.close()))

    def __del__(self) -> None:
        file = getattr(self, "_file", None)
        if file is not None:
            file.close()

    async def _ask(self, work: Work[T]) -> T | None:
        """Return what ``work`` answers, None when the file cannot be used."""
        self._notice_fork()
        if self._alone is None:
            try:
                return await asyncio.wrap_future(self._file.submit(work))
            except StoreUnavailable as error:
                self._count_alone(error)
        return None

    def _correct(self, what: str, *facts: Any) -> None:
        """Queue a correction, by its name in either kind of books; safe in a destructor."""
        self._notice_fork()
        if str(facts[0]).partition(":")[0] in self._books.parents:
            return  # it is the parent's to settle
        if self._alone is not None:
            getattr(self._alone, what)(*facts)
            return
        correct = getattr(self._books, what)
        with contextlib.suppress(InvalidState):  # closed, so all it held is settled
            future = self._file.submit(lambda rows: correct(rows, *facts))
            future.add_done_callback(functools.partial(self._check, what, facts))

    def _check(self, what: str, facts: Sequence[Any], future: Future[Any]) -> None:
        error = future.exception()
        if isinstance(error, StoreUnavailable):
            getattr(self._count_alone(error), what)(*facts)
        elif error is not None:
            _log.error("limits: %s was not written: %s", what, error)

    def _count_alone(self, error: StoreUnavailable | None = None) -> MemoryStore:
        """Return the books of this process alone, from now on those that count."""
        with self._degrading:
            if self._alone is not None:
                return self._alone
            self._alone = MemoryStore(self._clock)
            self._books.is_given_up = True
        setting = f"limits are counted in this process alone: {error}"
        _log.warning("%s", setting)
        if self._told is not None:
            self._told(Decision(verdict=Verdict.AWAY, scope="", setting=setting))
        return self._alone

    def _notice_fork(self) -> None:
        if self._books.notice_fork() and self._alone is not None:
            self._alone = MemoryStore(self._clock)
