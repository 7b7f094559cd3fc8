"""The SQL face of a Postgres server: one connection writes, a few beside it read.

The tables are made where the connection's ``search_path`` leads; give gemstream a database of its
own, or a schema by ``?options=-csearch_path%3Dname``. The extra ``postgres`` brings asyncpg.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError, InvalidState
from .migrations import Migrations
from .postgres_errors import (
    Meaning,
    address_of,
    asyncpg_or_refuse,
    meaning_of,
    refusal,
    unavailable,
)
from .postgres_writer import PostgresWriter, own_sql, persist
from .statement import Rows, Statement
from .write_queue import WriteQueue

__all__ = ("PostgresDatabase",)

_CONNECT_TIMEOUT = 2.0
_COMMAND_TIMEOUT = 30.0
_READERS = 4
_SETTINGS = {"application_name": "gemstream"}


class PostgresDatabase:
    """The server at ``url``; ``patience``: seconds that a server may be away before we say so.

    As ``database.Database``, once ``open`` has returned. Raises ConfigError without the extra.
    """

    def __init__(self, url: str, *, patience: float = 5.0) -> None:
        self._asyncpg = asyncpg_or_refuse()
        self._url = url
        self._address = address_of(url)
        self._patience = patience
        self._writer = PostgresWriter(self._connect, url, patience)
        self._queue = WriteQueue(self._writer.commit, f"the database at {self._address}")
        self._pool: Any = None

    async def open(self, migrations: Sequence[Migrations]) -> None:
        """Connect and run the steps that are due, all or none."""
        await self._writer.migrate(migrations)
        self._pool = self._asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=_READERS,
            timeout=_CONNECT_TIMEOUT,
            command_timeout=_COMMAND_TIMEOUT,
            server_settings={**_SETTINGS, "default_transaction_read_only": "on"},
        )
        await self._pool

    def submit(self, *statements: Statement, is_urgent: bool = True) -> asyncio.Future[list[Rows]]:
        """As ``database.Database.submit``."""
        return self._queue.submit(*statements, is_urgent=is_urgent)

    async def run(self, *statements: Statement) -> list[Rows]:
        """As ``database.Database.run``."""
        return await self._queue.run(*statements)

    async def fetch(self, sql: str, *args: object) -> Rows:
        """As ``database.Database.fetch``."""
        if self._pool is None or self._pool.is_closing():
            raise InvalidState(f"the database at {self._address} was closed")

        async def read() -> Rows:
            async with self._pool.acquire(timeout=_COMMAND_TIMEOUT) as connection:
                try:
                    return list(map(tuple, await connection.fetch(own_sql(sql), *args)))
                except self._asyncpg.ReadOnlySQLTransactionError as error:
                    raise refusal(error) from error

        try:
            return await persist(read, patience=self._patience, forget=_nothing)
        except Exception as error:
            match meaning_of(error):
                case None:
                    raise
                case Meaning.REFUSED:
                    raise refusal(error) from error
                case _:
                    raise unavailable(self._address, error, is_known=True) from error

    async def aclose(self) -> None:
        """As ``database.Database.aclose``."""
        await self._queue.aclose()
        await self._writer.aclose()
        if self._pool is not None and not self._pool.is_closing():
            try:
                async with asyncio.timeout(self._patience):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def _connect(self) -> Any:
        try:
            return await self._asyncpg.connect(
                self._url,
                timeout=_CONNECT_TIMEOUT,
                command_timeout=_COMMAND_TIMEOUT,
                server_settings=_SETTINGS,
            )
        except Exception as error:
            if meaning_of(error) is Meaning.CLOSED:
                raise ConfigError(
                    f"the Postgres server at {self._address} does not let us in: {error}; the URL "
                    "needs the name and password of a user who may create tables"
                ) from error
            if meaning_of(error) is Meaning.REFUSED:
                raise ConfigError(
                    f"the Postgres URL to {self._address} cannot be used: {error}"
                ) from error
            raise


async def _nothing() -> None:
    pass
