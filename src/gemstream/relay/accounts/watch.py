"""Keeps the accounts of a relay as the database has them: a change is in force within seconds.

Every two seconds one number is read; only when it changed are the accounts. A database that is
away changes nothing: the accounts that were known go on, and that is told once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ...config.relay.options import AccountOptions
from ...errors import StoreUnavailable
from ..keys.watch import WATCH_EVERY

__all__ = ("AccountWatch", "StoredAccounts")

_log = logging.getLogger("gemstream.relay.accounts")


class StoredAccounts(Protocol):
    """Where accounts are stored, as ``AccountStore``; all raise StoreUnavailable."""

    async def version(self) -> int:
        """Return a number that is another after every change."""
        ...

    async def accounts(self) -> Sequence[AccountOptions]:
        """Return the accounts, with their keys."""
        ...

    async def resets(self) -> Mapping[str, int]:
        """Return how often each account was reset."""
        ...


class AccountWatch:
    """Reads ``store``; ``take`` gets all accounts when something changed, ``reset`` a name."""

    __slots__ = ("_is_away", "_lock", "_reset", "_resets", "_store", "_take", "_version")

    def __init__(
        self,
        store: StoredAccounts,
        take: Callable[[Sequence[AccountOptions]], object],
        reset: Callable[[str], object],
    ) -> None:
        self._store = store
        self._take = take
        self._reset = reset
        self._resets: Mapping[str, int] | None = None
        self._version: int | None = None
        self._is_away = False
        # What was read first must not be put in the place of what was read after it.
        self._lock = asyncio.Lock()

    @property
    def is_away(self) -> bool:
        """True while the database was out of reach at the last look."""
        return self._is_away

    async def read(self) -> bool:
        """Bring the relay up to date; return whether something had changed.

        Raises StoreUnavailable, and changes nothing then. Safe to cancel.
        """
        async with self._lock:
            return await self._read()

    async def follow(self, every: float = WATCH_EVERY) -> None:
        """Read again and again, until cancelled."""
        while True:
            try:
                await self.read()
            except StoreUnavailable as error:
                if not self._is_away:
                    _log.warning("accounts stay as they were read last, changes wait: %s", error)
                self._is_away = True
            else:
                if self._is_away:
                    _log.warning("accounts are read again")
                self._is_away = False
            await asyncio.sleep(every)

    async def _read(self) -> bool:
        # First: a change that comes between the readings is read again by the next look.
        version = await self._store.version()
        if version == self._version:
            return False
        accounts, resets = await self._store.accounts(), await self._store.resets()
        self._take(accounts)
        before = self._resets
        if before is not None:  # what was asked before this process began, it has nothing against
            for name, count in resets.items():
                if count != before.get(name):
                    self._reset(name)
        self._version, self._resets = version, resets
        return True
