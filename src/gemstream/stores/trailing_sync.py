"""Sees what was committed on disk right after it was answered, instead of before.

One sync at a time, a moment after the first commit that it covers: what is committed during one is
covered by the next.
"""

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ("TrailingSync",)

# A sync wakes a thread; so a busy file is synced twenty times a second, not once for each commit.
_MOMENT = 0.05
_log = logging.getLogger("gemstream.stores")


class TrailingSync:
    """Syncs the file at ``path``; it belongs to one event loop."""

    __slots__ = ("_handle", "_is_due", "_path", "_syncing", "_thread")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gemstream-sync")
        self._syncing: asyncio.Future[None] | None = None
        self._is_due = False
        self._handle: asyncio.Handle | None = None

    def soon(self) -> None:
        """Have all that was written so far on disk in a moment; never waits."""
        self._is_due = True
        if self._syncing is None and self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(_MOMENT, self._begin)

    async def aclose(self) -> None:
        """Return once nothing is due."""
        while self._handle is not None or self._syncing is not None:
            if self._handle is not None:
                self._handle.cancel()
                self._begin()
            if self._syncing is not None:
                await asyncio.wait([self._syncing])  # what was written meanwhile is due after it
        self._thread.shutdown(wait=False)

    def _begin(self) -> None:
        self._is_due = False
        self._handle = None
        loop = asyncio.get_running_loop()
        self._syncing = loop.run_in_executor(self._thread, self._sync)
        self._syncing.add_done_callback(self._ended)

    def _ended(self, syncing: asyncio.Future[None]) -> None:
        self._syncing = None
        if error := syncing.exception():
            _log.error("%s may not outlast a loss of power: %s", self._path, error)
        if self._is_due:
            self.soon()

    def _sync(self) -> None:
        try:
            # Opened each time, for SQLite makes the log anew when it was closed in between. SQLite
            # holds no lock on the log itself, so closing it drops none.
            file = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return  # it was closed, which put all into the file and synced that
        try:
            os.fsync(file)
        finally:
            os.close(file)
