"""One face of two SQL engines: a file of SQLite's, and a Postgres server.

What is written together is one unit: all of it or nothing, and on disk when its future is done.
Units that wait while another transaction is under way go into the next one, as many as fit, with
no timer: at rest a unit waits for nobody, under load hundreds share a commit. SQL is written once
for both: ``?`` stands for an argument, ``<now>`` for the engine's clock in µs since 1970 (so that
machines whose clocks differ agree), counts are ``BIGINT`` and sums are cast to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, urlsplit

from ..errors import ConfigError
from .migrations import Migrations
from .postgres import PostgresDatabase
from .sqlite_database import Durability, SQLiteDatabase
from .statement import Rows, Statement

__all__ = ("Database", "Place", "Rows", "Statement", "open_database", "place_of")


class Database(Protocol):
    """An engine that is open; it belongs to the event loop that opened it."""

    def submit(self, *statements: Statement, is_urgent: bool = True) -> asyncio.Future[list[Rows]]:
        """Queue one unit and return the future of its rows, one list for each statement.

        Never waits. The future raises StoreUnavailable when the engine is out of reach, and
        InvalidState for a unit that it refuses, as a doubled key; other units are not touched by
        that. A unit that was queued is run, whoever waits for it: cancelling undoes nothing.
        One that is not urgent waits for at most 10 ms, for another to share its transaction.
        Raises InvalidState after ``aclose``, StoreUnavailable when too many wait already.
        """

    async def run(self, *statements: Statement) -> list[Rows]:
        """Queue one unit and return its rows once it is on disk; raises as ``submit``'s future.

        Safe to cancel: the unit is run all the same.
        """

    async def fetch(self, sql: str, *args: object) -> Rows:
        """Return what a query finds of all that was committed before; waits for no writer.

        Raises StoreUnavailable when the engine is out of reach, InvalidState when it refuses.
        """

    async def aclose(self) -> None:
        """Write what is queued, then let go; again is nothing."""


class Place(NamedTuple):
    """Where a URL leads: the engine's name, what it opens, and what a unit outlasts there."""

    engine: str
    target: str
    durability: Durability = Durability.DISK


async def open_database(url: str, migrations: Sequence[Migrations]) -> Database:
    """Return the database at ``url``, brought to the newest step of all ``migrations``.

    ``sqlite:///name.sqlite3`` is a path from the working directory, ``sqlite:////var/lib/…`` one
    from the root (as SQLAlchemy has it); with ``?durability=process`` a unit is done before the
    disk has it. ``postgresql://user:password@host/name`` is a server and needs the extra
    ``postgres``. Raises ConfigError for another URL, and StoreUnavailable when it cannot be
    reached, or holds what a newer gemstream wrote.
    """
    place = place_of(url)
    database: SQLiteDatabase | PostgresDatabase
    if place.engine == "sqlite":
        database = SQLiteDatabase(place.target, durability=place.durability)
    else:
        database = PostgresDatabase(place.target)
    try:
        await database.open(migrations)
    except BaseException:
        await database.aclose()
        raise
    return database


def place_of(url: str) -> Place:
    """Return where ``url`` leads; raises ConfigError when it is no URL of a database."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return _file(url, rest)
    if scheme in ("postgresql", "postgres"):
        if not urlsplit(url).path.strip("/"):
            raise ConfigError("the Postgres URL names no database: postgresql://user@host/name")
        return Place("postgresql", url)
    raise ConfigError(
        f"{scheme[:20]!r} is no scheme of a database; it begins with sqlite:/// or postgresql://"
    )


def _file(url: str, rest: str) -> Place:
    path, _, options = rest.partition("?")
    if not path.startswith("/") or path == "/":
        raise ConfigError(
            f"{url!r} names no file; write sqlite:///name.sqlite3 for one in the working "
            "directory, sqlite:////var/lib/name.sqlite3 for an absolute path"
        )
    durability = Durability.DISK
    for name, value in parse_qsl(options, keep_blank_values=True):
        if name != "durability" or value not in (one.value for one in Durability):
            raise ConfigError(
                f"{url!r} has the option {name}={value}; there is durability=disk, the default, "
                "and durability=process"
            )
        durability = Durability(value)
    return Place("sqlite", path[1:], durability)
