"""The SQL face of one SQLite file: written by the file's thread, read by a connection beside it.

The commit of a unit waits for the disk (``synchronous=FULL``), so it outlasts a loss of power; many
units share one. Readers of a file in WAL never wait for writers. SQL is held to SQLite 3.40.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import functools
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import InvalidState, StoreUnavailable
from .migrations import BOOK, DONE, Migrations, due, noted
from .sqlite import SQLiteFile
from .sqlite_here import SQLiteHere
from .statement import Outcome, Rows, Statement, Unit, engine_sql
from .trailing_sync import TrailingSync
from .write_queue import WriteQueue

__all__ = ("Durability", "SQLiteDatabase")

_WORDS = {
    # Milliseconds are what 3.40 tells, as a real number with ~40 µs of grain.
    "<now>": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "<blob>": "BLOB",
    "<serial>": "INTEGER PRIMARY KEY AUTOINCREMENT",
}
# Primary result codes that say something of the file, not of the statement: BUSY, LOCKED, NOMEM,
# READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB.
# Source: https://www.sqlite.org/rescode.html
_READ_ONLY = 8
_OF_THE_FILE = {5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26}
# The last two are the driver's, for arguments that no column can hold.
_ERRORS = (sqlite3.Error, OverflowError, TypeError)


class Durability(enum.Enum):
    """What a unit that is done outlasts."""

    DISK = "disk"
    """A loss of power: it waits for the disk, 0.3 ms to 5 ms by the disk's make."""
    PROCESS = "process"
    """The end of every process, ``kill -9`` too; the disk has it a twentieth of a second later,
    and a loss of power may take what was committed in that."""


class SQLiteDatabase:
    """A file at ``path``, made with its folders; ``patience``: seconds to wait for other writers.

    As ``database.Database``, once ``open`` has returned.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        patience: float = 5.0,
        durability: Durability = Durability.DISK,
    ) -> None:
        self.path = Path(path)
        is_durable = durability is Durability.DISK
        self._file = SQLiteFile(self.path, (BOOK,), patience=patience, is_durable=is_durable)
        self._sync = None if is_durable else TrailingSync(Path(f"{path}-wal"))
        self._here = None if is_durable else SQLiteHere(self.path)
        self._queue = WriteQueue(self._commit, str(path))
        self._reader: sqlite3.Connection | None = None
        self._patience = patience
        # One thread: reads wait for each other, never for a writer.
        self._reads = ThreadPoolExecutor(1, thread_name_prefix="gemstream-sqlite-read")

    async def open(self, migrations: Sequence[Migrations]) -> None:
        """Make the file where it is not and run the steps that are due, all or none."""
        work = functools.partial(_migrate, migrations=migrations, place=str(self.path))
        await asyncio.wrap_future(self._file.submit(work))

    def submit(self, *statements: Statement, is_urgent: bool = True) -> asyncio.Future[list[Rows]]:
        """As ``database.Database.submit``."""
        return self._queue.submit(*statements, is_urgent=is_urgent)

    async def run(self, *statements: Statement) -> list[Rows]:
        """As ``database.Database.run``."""
        return await self._queue.run(*statements)

    async def fetch(self, sql: str, *args: object) -> Rows:
        """As ``database.Database.fetch``."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._reads, self._read, sql, args)
        except RuntimeError as error:
            if isinstance(error, InvalidState):
                raise
            raise InvalidState(f"{self.path} was closed") from None

    async def aclose(self) -> None:
        """As ``database.Database.aclose``."""
        await self._queue.aclose()
        if self._here is not None:
            self._here.close()
        if self._sync is not None:
            await self._sync.aclose()
        with contextlib.suppress(StoreUnavailable):  # whoever waited was told; nothing is left
            await asyncio.wrap_future(self._file.close())
        with contextlib.suppress(RuntimeError):  # closed before
            await asyncio.get_running_loop().run_in_executor(self._reads, self._end_reading)
        self._reads.shutdown(wait=False)

    async def _commit(self, units: list[Unit]) -> list[Outcome]:
        work = functools.partial(_run_all, units=units)
        outcomes = None if self._here is None else self._here.commit(work)
        if outcomes is None:
            outcomes = await asyncio.wrap_future(self._file.submit(work))
        elif self._here is not None and self._here.is_log_long:
            self._file.submit(_shorten_log)
        if self._sync is not None:
            self._sync.soon()
        return outcomes

    # --- the thread that reads -------------------------------------------------------------------

    def _read(self, sql: str, args: tuple[object, ...]) -> Rows:
        try:
            if self._reader is None:
                self._reader = self._connect()
            return _run(self._reader, Statement(sql, args))
        except _ERRORS as error:
            if _is_of_the_file(error) and _code(error) != _READ_ONLY:
                raise StoreUnavailable(f"{self.path} cannot be read: {error}") from error
            raise _refusal(error) from error

    def _end_reading(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
        )


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Migrations], place: str) -> None:
    done = _run(connection, Statement(DONE))
    for component, number, step in due(done, migrations, place):
        for sql in step.statements():
            _run(connection, Statement(sql))
        _run(connection, noted(component, number, step))


def _shorten_log(connection: sqlite3.Connection) -> None:
    """Write something in the file's thread: the end of that moves the log into the file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version={version}")


def _run_all(connection: sqlite3.Connection, units: list[Unit]) -> list[Outcome]:
    """Run all units, or each for itself when one of them is refused.

    The file runs this within the savepoint ``work``; a savepoint for every unit would add 3 µs to
    each for the sake of one that hardly ever comes.
    """
    try:
        return [[_run(connection, statement) for statement in unit] for unit in units]
    except _ERRORS as error:
        if _is_of_the_file(error):
            raise
    connection.execute("ROLLBACK TO work")
    return [_run_apart(connection, unit) for unit in units]


def _run_apart(connection: sqlite3.Connection, unit: Unit) -> Outcome:
    connection.execute("SAVEPOINT unit")
    try:
        rows = [_run(connection, statement) for statement in unit]
    except _ERRORS as error:
        if _is_of_the_file(error):
            raise
        connection.execute("ROLLBACK TO unit")
        connection.execute("RELEASE unit")
        return _refusal(error)
    connection.execute("RELEASE unit")
    return rows


def _run(connection: sqlite3.Connection, statement: Statement) -> Rows:
    return connection.execute(_own_sql(statement.sql), statement.args).fetchall()


_own_sql: Callable[[str], str] = functools.lru_cache(maxsize=512)(
    functools.partial(engine_sql, words=_WORDS)
)


def _is_of_the_file(error: Exception) -> bool:
    return _code(error) in _OF_THE_FILE


def _code(error: Exception) -> int:
    """Return the primary result code: the low byte of an extended one."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _refusal(error: Exception) -> InvalidState:
    return InvalidState(f"the database refuses: {error}")
