"""One connection to Postgres that commits units, each exactly once, whatever becomes of it.

When the connection breaks while a commit is under way, nobody here knows how it ended. The server
does: before the commit it was asked for the transaction's number, and the next connection asks what
became of that. So a unit may be any SQL. Statements that bear being run twice are, and spare the
question; one that is alone is a transaction by itself, in one round trip.
Source: https://www.postgresql.org/docs/current/functions-info.html (txid_status).
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from ..errors import ConfigError
from .migrations import BOOK, Migrations, due, noted
from .postgres_errors import Meaning, address_of, is_verdict, meaning_of, refusal, unavailable
from .statement import Outcome, Rows, Unit, engine_sql, numbered

__all__ = ("PostgresWriter", "own_sql", "persist")

T = TypeVar("T")

_WORDS = {
    "<now>": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
    "<blob>": "BYTEA",
    "<serial>": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_NUMBER = "SELECT CAST(txid_current_if_assigned() AS BIGINT)"
_FATE = "SELECT txid_status($1)"
# Whoever set "off" for the whole server did not think of books. What waits for more is left alone.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)
# Any number that nobody else takes: the ASCII of "gemstrea".
_LOCK = 0x67656D7374726561
_RETRY = 0.05
_LONGEST_RETRY = 0.5


class _Doubt(NamedTuple):
    """A transaction of which only its number and what it will have answered are known.

    ``number`` is None when there is nothing to ask: it may be run again.
    """

    number: int | None
    outcomes: list[Outcome]


_REPEATABLE = _Doubt(None, [])


class PostgresWriter:
    """The connection that ``connect`` makes, made anew when it is lost.

    ``patience``: seconds that a transaction may be tried for. After one that gave up the next is
    tried once only, until one succeeds: those who wait for a server that is down hear so at once.
    """

    __slots__ = ("_address", "_connect", "_connection", "_doubt", "_is_away", "_patience")

    def __init__(self, connect: Callable[[], Awaitable[Any]], url: str, patience: float) -> None:
        self._connect = connect
        self._address = address_of(url)
        self._patience = patience
        self._connection: Any = None
        self._doubt: _Doubt | None = None
        self._is_away = False

    async def migrate(self, migrations: Sequence[Migrations]) -> None:
        """Run the steps that are due; others who want to wait until they are."""
        await self._persist(functools.partial(self._migrate, migrations))

    async def commit(self, units: list[Unit]) -> list[Outcome]:
        """Commit ``units`` as one transaction; one that is refused gets its error as outcome."""
        self._doubt = None
        return await self._persist(functools.partial(self._commit, units))

    async def aclose(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()  # nothing is under way, and the server hears it either way

    async def _persist(self, work: Callable[[], Awaitable[T]]) -> T:
        patience = 0.0 if self._is_away else self._patience
        self._is_away = True
        try:
            answer = await persist(work, patience=patience, forget=self.aclose)
        except ConfigError:
            raise
        except Exception as error:
            meaning = meaning_of(error)
            if meaning is None:
                raise
            if meaning is Meaning.REFUSED:
                self._is_away = False
                raise refusal(error) from error
            raise unavailable(self._address, error, is_known=self._doubt is None) from error
        self._is_away = False
        return answer

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            await self._connection.execute(_DURABLE)
        return self._connection

    async def _commit(self, units: list[Unit]) -> list[Outcome]:
        connection = await self._connected()
        if self._doubt is not None and await _is_committed(connection, self._doubt):
            return self._doubt.outcomes
        self._doubt = None
        is_repeatable = all(statement.is_repeatable for unit in units for statement in unit)
        try:
            if is_repeatable and len(units) == len(units[0]) == 1:
                return await self._commit_alone(connection, units[0])
            outcomes = await _begin(connection, units)
            await self._end(connection, outcomes, is_repeatable)
        except Exception as error:
            if is_verdict(error):
                self._doubt = None
            raise
        return outcomes

    async def _commit_alone(self, connection: Any, unit: Unit) -> list[Outcome]:
        self._doubt = _REPEATABLE
        try:
            outcome: Outcome = await _run(connection, unit)
        except Exception as error:
            if meaning_of(error) is not Meaning.REFUSED:
                raise
            outcome = refusal(error)
        self._doubt = None
        return [outcome]

    async def _end(self, connection: Any, outcomes: list[Outcome], is_repeatable: bool) -> None:
        number = None if is_repeatable else await connection.fetchval(_NUMBER)
        if is_repeatable:
            self._doubt = _REPEATABLE
        elif number is not None:  # it has written something
            self._doubt = _Doubt(number, outcomes)
        await connection.execute("COMMIT")
        self._doubt = None

    async def _migrate(self, migrations: Sequence[Migrations]) -> None:
        connection = await self._connected()
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            await connection.execute(BOOK)
            done = await connection.fetch(
                "SELECT component, number, name, checksum FROM migrations"
            )
            for component, number, step in due(list(map(tuple, done)), migrations, self._address):
                for sql in step.statements():
                    await connection.execute(own_sql(sql))
                note = noted(component, number, step)
                await connection.execute(own_sql(note.sql), *note.args)


async def persist(
    work: Callable[[], Awaitable[T]], *, patience: float, forget: Callable[[], Awaitable[None]]
) -> T:
    """Return what ``work`` returns, tried anew for ``patience`` seconds while the server is away.

    ``forget``: lets go of a connection that is of no use any more. Raises asyncpg's errors.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    delay = _RETRY
    while True:
        try:
            return await work()
        except Exception as error:
            meaning = meaning_of(error)
            if meaning is not Meaning.AGAIN:
                await forget()
            if meaning not in (Meaning.AWAY, Meaning.AGAIN) or loop.time() + delay > deadline:
                raise
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_RETRY)


async def _begin(connection: Any, units: list[Unit]) -> list[Outcome]:
    """Run units in a transaction that is still to be committed; each apart if one is refused."""
    try:
        await connection.execute(_BEGIN)
        return [await _run(connection, unit) for unit in units]
    except Exception as error:
        await _roll_back(connection)
        if meaning_of(error) is not Meaning.REFUSED:
            raise
    await connection.execute(_BEGIN)
    return [await _run_apart(connection, unit) for unit in units]


async def _is_committed(connection: Any, doubt: _Doubt) -> bool:
    if doubt.number is None:
        return False
    fate = await connection.fetchval(_FATE, doubt.number)
    if fate == "in progress":
        # The server has not noticed yet that we were gone: ask again.
        raise ConnectionError("the last transaction is still in progress")
    return bool(fate == "committed")


async def _run(connection: Any, unit: Unit) -> list[Rows]:
    return [
        list(map(tuple, await connection.fetch(own_sql(statement.sql), *statement.args)))
        for statement in unit
    ]


async def _run_apart(connection: Any, unit: Unit) -> Outcome:
    await connection.execute("SAVEPOINT unit")
    try:
        rows = await _run(connection, unit)
    except Exception as error:
        if meaning_of(error) is not Meaning.REFUSED:
            raise
        await connection.execute("ROLLBACK TO SAVEPOINT unit")
        return refusal(error)
    await connection.execute("RELEASE SAVEPOINT unit")
    return rows


async def _roll_back(connection: Any) -> None:
    """Undo what was begun; a connection that cannot is closed, which undoes it too."""
    try:
        await connection.execute("ROLLBACK")
    except Exception as error:
        if meaning_of(error) is None:
            raise
        connection.terminate()


@functools.lru_cache(maxsize=512)
def own_sql(sql: str) -> str:
    """Return ``sql`` as Postgres understands it."""
    return numbered(engine_sql(sql, _WORDS))
