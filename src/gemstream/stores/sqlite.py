"""One SQLite file, written by one thread: all that is queued goes into one transaction.

Strategy. Callers queue functions of a connection and get a future. The thread takes all there are,
begins a transaction that may write, runs each within a savepoint, commits, and only then answers:
what a future tells is in the file. Queuing never waits and takes no lock, so a destructor may do
it. Nothing of SQLite's crosses a fork: before one the connection is closed, and the child begins
with a thread of its own.

In WAL with ``synchronous=NORMAL`` a commit waits for no disk. A process that is killed loses
nothing, for the system has its pages; a machine that loses its power may lose the last commits,
never the file. Who needs those too says so by ``is_durable``.
"""

from __future__ import annotations

import atexit
import concurrent.futures
import contextlib
import os
import queue
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..errors import InvalidState, StoreUnavailable

__all__ = ("Frame", "Pulse", "SQLiteFile", "Work")

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

# As many as go into one transaction: others who wait for the file wait for all of it.
_BATCH = 500
_RETRY = 0.01
# A file is made under this: closing any descriptor of a file drops this process's locks on it.
_making = threading.Lock()


class Pulse(NamedTuple):
    """Work that comes again ``every`` so many seconds; ``work`` returns None when there is none."""

    every: float
    work: Callable[[], Work[None] | None]


class Frame(NamedTuple):
    """Work that every transaction begins and ends with."""

    begin: Work[None]
    end: Work[None]


class _Job(NamedTuple):
    work: Work[Any]
    future: concurrent.futures.Future[Any]
    is_last: bool = False


class SQLiteFile:
    """A file of ``schema``, whose statements are its versions, one after the other.

    ``path``: made with its folders at the first use, readable by its owner alone. ``patience``:
    seconds to wait for other processes that write. ``farewell``: the last work before it closes.
    ``frame`` and a pulse's work must not raise but for SQLite.
    Safe from all threads; a process that ends runs what is queued first.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        *,
        patience: float = 5.0,
        is_durable: bool = False,
        pulse: Pulse | None = None,
        frame: Frame | None = None,
        farewell: Work[None] | None = None,
    ) -> None:
        self.path = path
        self._schema = schema
        self._patience = patience
        self._is_durable = is_durable
        self._pulse = pulse
        self._frame = frame or Frame(_nothing, _nothing)
        self._farewell = farewell
        self._is_closed = False
        self._thread: threading.Thread | None
        self._connection: sqlite3.Connection | None
        self._closing: concurrent.futures.Future[None] | None
        self._begin_anew()
        _files.add(self)

    def submit(self, work: Work[T]) -> concurrent.futures.Future[T]:
        """Queue ``work`` and return the future of what it returns, set once that is committed.

        The future raises StoreUnavailable when the file is out of reach, and what ``work`` raises,
        whose own changes are then undone. Raises InvalidState when the file was closed. Never
        waits; safe in a destructor.
        """
        if self._is_closed:
            raise InvalidState(f"{self.path} was closed")
        return self._put(_Job(work, concurrent.futures.Future()))

    def close(self) -> concurrent.futures.Future[None]:
        """Run what is queued, then the farewell, and let go; again is nothing."""
        if self._closing is None:
            is_unused = self._is_closed or self._thread is None
            self._is_closed = True
            self._closing = concurrent.futures.Future()
            if is_unused:
                self._closing.set_result(None)
            else:
                self._put(_Job(self._farewell or _nothing, self._closing, True))
        return self._closing

    def _put(self, job: _Job) -> concurrent.futures.Future[Any]:
        self._jobs.put(job)
        # Not waiting: whoever has the lock is starting the thread, perhaps below us on this stack.
        if self._thread is None and self._starting.acquire(blocking=False):
            try:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, args=(self._jobs,), name="gemstream-sqlite", daemon=True
                    )
                    self._thread.start()
            finally:
                self._starting.release()
        return job.future

    # --- the thread --------------------------------------------------------------------------

    def _run(self, jobs: queue.SimpleQueue[_Job]) -> None:
        is_last = False
        beats_at = self._beats_next()
        while not is_last:
            batch = _take(jobs, beats_at)
            is_last = any(job.is_last for job in batch)
            if self._pulse is not None and time.monotonic() >= beats_at:
                beats_at = self._beats_next()
                if work := self._pulse.work():
                    batch.append(_Job(work, concurrent.futures.Future()))
            batch = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if batch:
                with self._busy:
                    self._commit(batch)
        with self._busy:
            self._disconnect()

    def _beats_next(self) -> float:
        return time.monotonic() + (float("inf") if self._pulse is None else self._pulse.every)

    def _commit(self, batch: list[_Job]) -> None:
        """Run ``batch`` in one transaction, and answer."""
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            self._frame.begin(connection)
            answers = [_within_savepoint(connection, job.work) for job in batch]
            self._frame.end(connection)
            connection.execute("COMMIT")
        except Exception as error:  # whatever it is: without its thread everybody would hang
            self._disconnect()
            failure = self._translated(error)
            for job in batch:
                job.future.set_exception(failure)
            return
        for job, (answer, raised) in zip(batch, answers, strict=True):
            if raised is None:
                job.future.set_result(answer)
            else:
                job.future.set_exception(raised)

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            _make(self.path)
            # Only ever used under ``_busy``: by the thread, and by a fork that closes it.
            connection = sqlite3.connect(
                self.path,
                timeout=self._patience,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._set_up(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA auto_vacuum=FULL")  # heeded only by a file without tables
        self._begin_log(connection)
        connection.execute(f"PRAGMA synchronous={'FULL' if self._is_durable else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(self._schema):
            raise StoreUnavailable(
                f"{self.path} was written by a newer gemstream; upgrade this one, or delete the "
                "file to begin anew"
            )
        for number, statements in enumerate(self._schema[version:], start=version + 1):
            for statement in statements.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number}")
        connection.execute("COMMIT")

    def _begin_log(self, connection: sqlite3.Connection) -> None:
        """Switch to WAL; while others open the file too SQLite says busy at once."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY)
            else:
                return

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):  # it is given up, whatever it says to that
                self._connection.close()
            self._connection = None

    def _translated(self, error: Exception) -> Exception:
        """Return what SQLite and the system raise as ours: the one place that does."""
        if not isinstance(error, OSError | sqlite3.Error):
            return error
        advice = "is its folder there and writable, and the disk not full?"
        code = getattr(error, "sqlite_errorname", "")
        if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            advice = "delete the file to begin anew"
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            advice = f"another process has kept it for {self._patience:g} s"
        said = getattr(error, "strerror", None) or error
        return StoreUnavailable(f"{self.path} cannot be used: {said}; {advice}")

    # --- forks -------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread = None
        self._starting = threading.Lock()
        self._busy = threading.Lock()  # held while the connection is used
        self._is_forking = False
        self._connection = None
        self._closing = None

    def _before_fork(self) -> None:
        # Bounded as one transaction is; a connection that is in use after that is left alone.
        if self._busy.acquire(timeout=self._patience + 1):
            self._is_forking = True
            self._disconnect()

    def _after_fork(self) -> None:
        if self._is_forking:
            self._is_forking = False
            self._busy.release()


def _take(jobs: queue.SimpleQueue[_Job], until: float) -> list[_Job]:
    """Return all that is queued; wait for the first, but not longer than ``until``."""
    timeout = None if until == float("inf") else max(0.0, until - time.monotonic())
    batch = list[_Job]()
    with contextlib.suppress(queue.Empty):
        batch.append(jobs.get(timeout=timeout))
        while len(batch) < _BATCH and not batch[-1].is_last:
            batch.append(jobs.get_nowait())
    return batch


def _within_savepoint(
    connection: sqlite3.Connection, work: Work[T]
) -> tuple[T | None, Exception | None]:
    """Return what ``work`` returned, or raised with its changes undone; SQLite's errors rise."""
    connection.execute("SAVEPOINT work")
    try:
        answer = work(connection)
    except sqlite3.Error:
        raise
    except Exception as error:  # it is the caller's, by its future
        connection.execute("ROLLBACK TO work")
        return None, error
    connection.execute("RELEASE work")
    return answer, None


def _make(path: Path) -> None:
    """Make the file and its folders where they are not, and close both to others."""
    with _making:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                path.chmod(0o600)


def _nothing(connection: sqlite3.Connection) -> None:
    pass


_files: weakref.WeakSet[SQLiteFile] = weakref.WeakSet()


def _close_all() -> None:
    for file in list(_files):
        with contextlib.suppress(concurrent.futures.TimeoutError, StoreUnavailable):
            file.close().result(timeout=file._patience + 1)


def _before_fork() -> None:
    for file in list(_files):
        file._before_fork()


def _after_in_parent() -> None:
    for file in list(_files):
        file._after_fork()


def _after_in_child() -> None:
    for file in list(_files):
        file._begin_anew()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
