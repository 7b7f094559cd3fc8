"""A database in memory without a thread, for tests in which hours pass; it can be away."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence

from gemstream.errors import StoreUnavailable
from gemstream.stores.migrations import Migrations
from gemstream.stores.statement import Rows, Statement, engine_sql


class MemoryDatabase:
    """As ``gemstream.stores.database.Database``; its clock is the event loop's."""

    def __init__(self, migrations: Sequence[Migrations]) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.create_function("clock", 0, self._clock)
        self.is_away = False
        self.asked: list[str] = []
        for one in migrations:
            for step in one.steps:
                for sql in step.statements():
                    self._run(Statement(sql))

    def submit(self, *statements: Statement, is_urgent: bool = True) -> asyncio.Future[list[Rows]]:
        future: asyncio.Future[list[Rows]] = asyncio.get_running_loop().create_future()
        self.asked += [statement.sql for statement in statements]
        if self.is_away:
            future.set_exception(StoreUnavailable("it is away"))
            return future
        self._connection.execute("BEGIN")
        future.set_result([self._run(statement) for statement in statements])
        self._connection.execute("COMMIT")
        return future

    async def run(self, *statements: Statement) -> list[Rows]:
        return await self.submit(*statements)

    async def fetch(self, sql: str, *args: object) -> Rows:
        return self._run(Statement(sql, args))

    async def aclose(self) -> None:
        self._connection.close()

    def _run(self, statement: Statement) -> Rows:
        words = {"<now>": "clock()", "<blob>": "BLOB", "<serial>": "INTEGER PRIMARY KEY"}
        return self._connection.execute(engine_sql(statement.sql, words), statement.args).fetchall()

    def _clock(self) -> int:
        try:
            return int(asyncio.get_running_loop().time() * 1_000_000)
        except RuntimeError:  # before the loop runs
            return time.time_ns() // 1000
