"""Keeps the book of keys as the database has them: a change is in force in every relay in seconds.

Every two seconds one number is read; only when it changed are the keys. So a revoked key opens
nothing two seconds later and the time of two readings, in every process. A database that is away
changes nothing: the keys that were known go on, and that is told once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from ...errors import StoreUnavailable
from .book import Credential, KeyBook

__all__ = ("WATCH_EVERY", "Credentials", "KeyWatch")

WATCH_EVERY = 2.0
"""Seconds between two looks: revocation within 5 s leaves 3 s to a slow database."""

_log = logging.getLogger("gemstream.relay")


class Credentials(Protocol):
    """Where keys are stored, as ``KeyStore``; both raise StoreUnavailable."""

    async def version(self) -> int:
        """Return a number that is another after every change."""
        ...

    async def credentials(self) -> Sequence[Credential]:
        """Return what opens keys."""
        ...


class KeyWatch:
    """Reads ``store`` into ``book``; ``on_gone`` is told the ids of keys that are no more."""

    __slots__ = ("_book", "_is_away", "_lock", "_on_gone", "_store", "_version")

    def __init__(
        self,
        book: KeyBook,
        store: Credentials,
        on_gone: Callable[[str], None] = lambda key_id: None,
    ) -> None:
        self._book = book
        self._store = store
        self._on_gone = on_gone
        self._version: int | None = None
        self._is_away = False
        self._lock = asyncio.Lock()

    @property
    def is_away(self) -> bool:
        """True while the database was out of reach at the last look."""
        return self._is_away

    async def read(self) -> bool:
        """Bring the book up to date; return whether something had changed.

        Raises StoreUnavailable, and leaves the book as it was. Safe to cancel.
        """
        async with (
            self._lock
        ):  # operators' changes are read at once, beside the looks of ``follow``
            return await self._read()

    async def _read(self) -> bool:
        # First: a change that comes between the two readings is read again by the next look.
        version = await self._store.version()
        if version == self._version:
            return False
        credentials = await self._store.credentials()
        before = {key.id for key in self._book.keys}
        for key_id in self._book.replace_stored(credentials):
            _log.error(
                "the stored key %s opens nothing: a configured key has its id as name", key_id
            )
        self._version = version
        for key_id in before - {key.id for key in self._book.keys}:
            self._on_gone(key_id)
        return True

    async def follow(self, every: float = WATCH_EVERY) -> None:
        """Read again and again, until cancelled."""
        while True:
            try:
                await self.read()
            except StoreUnavailable as error:
                if not self._is_away:
                    _log.warning("keys stay as they were read last, changes wait: %s", error)
                self._is_away = True
            else:
                if self._is_away:
                    _log.warning("keys are read again")
                self._is_away = False
            await asyncio.sleep(every)
