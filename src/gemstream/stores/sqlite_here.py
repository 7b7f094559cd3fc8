"""A second writer of one SQLite file, in the event loop itself: no thread is woken for a commit.

A commit that waits for no disk takes 40 µs, and two thread hops around it 400. So it is made here;
when another process writes at that moment it is left to the thread, which can wait. This writer
never moves the log into the file, for that does wait for the disk: the thread is told to.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ("SQLiteHere",)

T = TypeVar("T")

# 1,000 pages, as SQLite's own default; looked at every so many commits.
_LONG_LOG = 4 * 1024 * 1024
_LOOK_EVERY = 64


class SQLiteHere:
    """Commits to the file at ``path``, which another connection has made and put into WAL."""

    __slots__ = ("_commits", "_connection", "_log", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._connection: sqlite3.Connection | None = None
        self._commits = 0

    def commit(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what ``work`` returns once it is committed, None when it could not be done here.

        Then nothing was: the file is locked, full, or out of reach, which the thread finds out.
        What ``work`` raises beside SQLite's own errors is raised.
        """
        try:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SAVEPOINT work")
            answer = work(connection)
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError):
            self._roll_back()
            return None
        except BaseException:
            self._roll_back()
            raise
        self._commits += 1
        return answer

    @property
    def is_log_long(self) -> bool:
        """True now and then when the log should be moved into the file."""
        if self._commits < _LOOK_EVERY:
            return False
        self._commits = 0
        try:
            return os.stat(self._log).st_size > _LONG_LOG
        except OSError:
            return False

    def close(self) -> None:
        """Let go; again is nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            self._connection = connection
        return self._connection

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
                return
            self.close()
