"""One face, two engines: units are written whole and once, and are on disk when they are done."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gemstream.errors import ConfigError, InvalidState, StoreUnavailable
from gemstream.stores.database import Database, Statement, open_database, place_of
from gemstream.stores.migrations import Migrations, Step
from gemstream.stores.postgres import PostgresDatabase
from gemstream.stores.sqlite_database import Durability

WORDS = Step(
    name="0001_words.sql",
    sql="""
    -- A word; and how often it was said.
    CREATE TABLE words (word TEXT PRIMARY KEY, count BIGINT NOT NULL, raw <blob>);
    CREATE TABLE events (id <serial>, at BIGINT NOT NULL)
    """,
)
MIGRATIONS = (Migrations(component="words", steps=(WORDS,)),)
ADD = "INSERT INTO words (word, count) VALUES (?, ?)"
ALL = "SELECT word, count FROM words ORDER BY word"


def add(word: str, count: int = 1) -> Statement:
    return Statement(ADD, (word, count))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, MIGRATIONS)
    yield database
    await database.aclose()


async def test_a_unit_that_is_done_is_there_for_all(database: Database, database_url: str) -> None:
    await database.run(add("a"), add("b", 2))
    other = await open_database(database_url, MIGRATIONS)
    assert await database.fetch(ALL) == await other.fetch(ALL) == [("a", 1), ("b", 2)]
    await other.aclose()


async def test_each_statement_answers_its_rows(database: Database) -> None:
    answers = await database.run(
        add("a"),
        Statement("UPDATE words SET count = 5 WHERE word = ? RETURNING word, count", ("a",)),
        Statement("SELECT count FROM words"),
    )
    assert answers == [[], [("a", 5)], [(5,)]]


async def test_a_unit_is_whole_or_not_at_all_and_leaves_the_others_alone(
    database: Database,
) -> None:
    units = [(add("a"),), (add("b"), add("a")), (add("c"),)]
    outcomes = await asyncio.gather(
        *(database.run(*unit) for unit in units), return_exceptions=True
    )
    assert [isinstance(outcome, InvalidState) for outcome in outcomes] == [False, True, False]
    assert await database.fetch(ALL) == [("a", 1), ("c", 1)]


@pytest.mark.parametrize(
    ("sql", "args"),
    [
        ("SELECT nothing FROM nowhere", ()),
        ("SELEKT 1", ()),
        (ADD, ("a",)),
        (ADD, ("a", 2**70)),
        (ADD, (object(), 1)),
        (ADD, ("a", None)),
    ],
)
async def test_a_statement_at_fault_is_refused_with_our_error(
    database: Database, sql: str, args: tuple[object, ...]
) -> None:
    with pytest.raises(InvalidState, match="the database refuses"):
        await database.run(Statement(sql, args))
    with pytest.raises(InvalidState, match="the database refuses"):
        await database.fetch(sql, *args)
    await database.run(add("b"))
    assert await database.fetch(ALL) == [("b", 1)]


async def test_what_is_cancelled_is_written_all_the_same(database: Database) -> None:
    task = asyncio.ensure_future(database.run(add("a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.run(add("b"))
    assert await database.fetch(ALL) == [("a", 1), ("b", 1)]


async def test_what_is_queued_when_it_is_closed_is_written(
    database: Database, database_url: str
) -> None:
    futures = [database.submit(add(f"{number:03}")) for number in range(600)]
    await database.aclose()
    assert all(future.result() == [[]] for future in futures)
    with pytest.raises(InvalidState, match="closed"):
        database.submit(add("late"))
    with pytest.raises(InvalidState, match="closed"):
        await database.fetch(ALL)
    other = await open_database(database_url, MIGRATIONS)
    assert len(await other.fetch(ALL)) == 600
    await other.aclose()


async def test_marks_are_the_engines_own_words(database: Database) -> None:
    await database.run(
        Statement("INSERT INTO events (at) VALUES (<now>)"),
        Statement("INSERT INTO words VALUES ('<now>?', 1, ?)", (b"\0\xff",)),
    )
    ((number, at),) = await database.fetch("SELECT id, at FROM events")
    assert number == 1
    assert abs(at - time.time() * 1e6) < 60e6
    assert await database.fetch("SELECT word, raw FROM words") == [("<now>?", b"\0\xff")]


async def test_two_who_open_at_once_run_each_step_once(database_url: str) -> None:
    opened = await asyncio.gather(*(open_database(database_url, MIGRATIONS) for _ in range(4)))
    done = await opened[0].fetch("SELECT component, number FROM migrations")
    assert done == [("words", 1)]
    for one in opened:
        await one.aclose()


async def test_new_steps_are_run_and_components_do_not_know_each_other(database_url: str) -> None:
    second = Step(name="0002_more.sql", sql="ALTER TABLE words ADD COLUMN tone TEXT")
    grown = Migrations(component="words", steps=(WORDS, second))
    other = Migrations(
        component="other", steps=(Step(name="0001_o.sql", sql="CREATE TABLE o (a TEXT)"),)
    )
    for migrations in (MIGRATIONS, (other,), (grown, other)):
        database = await open_database(database_url, migrations)
        await database.aclose()
    database = await open_database(database_url, (grown, other))
    assert await database.fetch("SELECT tone FROM words") == []
    await database.aclose()
    with pytest.raises(StoreUnavailable, match="newer gemstream"):
        await open_database(database_url, MIGRATIONS)


async def test_a_step_that_fails_leaves_nothing_behind(database_url: str) -> None:
    bad = Migrations(
        component="words",
        steps=(WORDS, Step(name="0002_bad.sql", sql="CREATE TABLE z (a TEXT); NONSENSE")),
    )
    with pytest.raises((StoreUnavailable, InvalidState)):
        await open_database(database_url, (bad,))
    database = await open_database(database_url, MIGRATIONS)
    assert await database.fetch(ALL) == []
    await database.aclose()


async def test_a_step_that_was_changed_after_it_was_run_is_told(database_url: str) -> None:
    await (await open_database(database_url, MIGRATIONS)).aclose()
    changed = Step(name=WORDS.name, sql=WORDS.sql.replace("count", "number"))
    with pytest.raises(StoreUnavailable, match="has run another words step 1"):
        await open_database(database_url, (Migrations(component="words", steps=(changed,)),))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///a?durability=none", "durability=process"),
        ("sqlite:///a?durable=disk", "durable=disk; there is durability"),
        ("books.sqlite3", "no scheme"),
        ("mysql://host/name", "'mysql' is no scheme"),
        ("postgresql://user:secret@host", "names no database"),
    ],
)
def test_a_url_that_leads_nowhere_is_told(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        place_of(url)
    assert "secret" not in str(raised.value)


def test_a_path_is_relative_or_absolute_as_in_sqlalchemy() -> None:
    assert place_of("sqlite:///a/b.sqlite3").target == "a/b.sqlite3"
    assert place_of("sqlite:////var/b.sqlite3").target == "/var/b.sqlite3"
    place = place_of("sqlite:////var/b.sqlite3?durability=process")
    assert place == ("sqlite", "/var/b.sqlite3", Durability.PROCESS)


async def test_what_need_not_wait_for_the_disk_is_there_for_all_the_same(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.sqlite3?durability=process"
    database = await open_database(url, MIGRATIONS)
    for number in range(50):
        await database.run(add(f"{number:02}"))
    other = await open_database(url, MIGRATIONS)
    assert len(await other.fetch(ALL)) == 50
    await database.aclose()
    await other.aclose()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        await open_database(f"sqlite:///{tmp_path}/file/books.sqlite3", MIGRATIONS)


async def test_a_disk_that_is_full_is_told_and_goes_on_when_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite3"
    database = await open_database(f"sqlite:///{path}", MIGRATIONS)
    await database.run(Statement("PRAGMA max_page_count = 16"))
    outcomes = await asyncio.gather(
        *(database.run(add("x" * 3000 + str(number))) for number in range(100)),
        return_exceptions=True,
    )
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes[-1:])
    assert "full" in str(outcomes[-1])
    await database.run(add("after"))  # on a new connection, without the bound
    kept = await database.fetch("SELECT count(*) FROM words")
    assert kept == [(1 + sum(not isinstance(outcome, Exception) for outcome in outcomes),)]
    await database.aclose()


async def test_a_postgres_that_is_not_there_is_told_without_the_password() -> None:
    pytest.importorskip("asyncpg", exc_type=ImportError)
    database = PostgresDatabase("postgresql://me:secret@127.0.0.1:9/books", patience=0.0)
    with pytest.raises(StoreUnavailable, match="out of reach") as raised:
        await database.open(MIGRATIONS)
    await database.aclose()
    assert "127.0.0.1:9/books" in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_a_database_that_is_not_there_is_a_matter_of_the_settings(postgres_url: str) -> None:
    with pytest.raises(ConfigError, match="does not let us in"):
        missing = postgres_url.replace("/test_", f"/gone_{os.getpid()}_")
        await open_database(missing, MIGRATIONS)
