"""Postgres may go away at any moment, and each unit is still committed exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gemstream.errors import InvalidState, StoreUnavailable
from gemstream.stores.database import Statement, open_database
from gemstream.stores.migrations import Migrations, Step
from gemstream.stores.postgres import PostgresDatabase
from support.postgres_server import postgres_process
from support.postgres_wire import Break, postgres_wire

COUNTERS = (
    Migrations(
        component="counters",
        steps=(
            Step(
                name="0001_counters.sql",
                sql="CREATE TABLE counters (name TEXT PRIMARY KEY, count BIGINT NOT NULL); "
                "INSERT INTO counters VALUES ('a', 0)",
            ),
        ),
    ),
)
# Not to be run twice, nor forgotten.
MORE = Statement("UPDATE counters SET count = count + 1 WHERE name = 'a' RETURNING count")
PUT = (
    "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = excluded.count "
    "RETURNING name"
)
COUNT = "SELECT count FROM counters"


@pytest.mark.parametrize("place", Break)
async def test_a_commit_of_unknown_outcome_is_made_once(postgres_url: str, place: Break) -> None:
    async with postgres_wire(postgres_url) as wire:
        database = await open_database(wire.url, COUNTERS)
        for count in range(1, 6):
            wire.break_at_commit(place)
            assert await database.run(MORE) == [[(count,)]]
        assert wire.broken == 5
        assert await database.fetch(COUNT) == [(5,)]
        await database.aclose()


@pytest.mark.parametrize("place", Break)
@pytest.mark.parametrize("together", [1, 3])
async def test_a_statement_that_bears_it_is_run_again(
    postgres_url: str, place: Break, together: int
) -> None:
    async with postgres_wire(postgres_url) as wire:
        database = await open_database(wire.url, COUNTERS)
        sign = b"COMMIT\0" if together > 1 else b"name-"
        for number in range(3):
            names = [f"name-{number}-{one}" for one in range(together)]
            wire.break_at_commit(place, sign)
            units = [Statement(PUT, (name, number), is_repeatable=True) for name in names]
            answers = await asyncio.gather(*map(database.run, units))
            assert answers == [[[(name,)]] for name in names]
        assert wire.broken == 3
        assert await database.fetch("SELECT count(*) FROM counters") == [(1 + 3 * together,)]
        with pytest.raises(InvalidState, match="refuses"):
            await database.run(Statement("NONSENSE", (), is_repeatable=True))
        await database.aclose()


async def test_a_lone_statement_of_unknown_outcome_is_told_as_such(postgres_url: str) -> None:
    async with postgres_wire(postgres_url) as wire:
        database = PostgresDatabase(wire.url, patience=0.0)
        await database.open(COUNTERS)
        wire.break_at_commit(Break.AFTER, b"name-x")
        with pytest.raises(StoreUnavailable) as raised:
            await database.run(Statement(PUT, ("name-x", 1), is_repeatable=True))
        assert not raised.value.is_outcome_known
        full = "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
        with pytest.raises(StoreUnavailable, match="no space left") as raised:
            await database.run(Statement(full, (), is_repeatable=True))
        assert raised.value.is_outcome_known
        await database.aclose()


async def test_an_outcome_that_cannot_be_asked_for_is_told_as_unknown(postgres_url: str) -> None:
    async with postgres_wire(postgres_url) as wire:
        database = PostgresDatabase(wire.url, patience=0.0)
        await database.open(COUNTERS)
        wire.break_at_commit(Break.AFTER)
        with pytest.raises(StoreUnavailable, match="not known whether") as raised:
            await database.run(MORE)
        assert not raised.value.is_outcome_known
        assert await database.run(MORE) == [[(2,)]]
        await database.aclose()


async def test_a_server_that_crashes_and_comes_back_loses_and_doubles_nothing() -> None:
    with postgres_process() as server:
        database = PostgresDatabase(server.url, patience=60.0)
        await database.open(COUNTERS)
        done = asyncio.Event()
        finished = asyncio.Queue[None]()

        async def count() -> Sequence[object]:
            answers: list[object] = []
            while not done.is_set() or len(answers) < 3:
                answers += (await database.run(MORE))[0]
                finished.put_nowait(None)
            return answers

        workers = [asyncio.ensure_future(count()) for _ in range(8)]
        for _ in range(2):
            for _ in range(50):
                await finished.get()
            await asyncio.to_thread(server.crash)
            await asyncio.to_thread(server.start)
        done.set()
        answers = [value for answered in await asyncio.gather(*workers) for (value,) in answered]
        assert sorted(answers) == list(range(1, len(answers) + 1))
        assert await database.fetch(COUNT) == [(len(answers),)]
        await database.aclose()


async def test_a_server_that_stays_away_is_told_at_once_the_second_time() -> None:
    with postgres_process() as server:
        database = PostgresDatabase(server.url, patience=0.2)
        await database.open(COUNTERS)
        await asyncio.to_thread(server.crash)
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="out of reach"):
                await database.run(MORE)
            with pytest.raises(StoreUnavailable, match="out of reach"):
                await database.fetch(COUNT)
        await asyncio.to_thread(server.start)
        assert await database.run(MORE) == [[(1,)]]
        assert await database.fetch(COUNT) == [(1,)]
        await database.aclose()
