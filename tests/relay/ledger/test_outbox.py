"""Settlements that the database does not take wait for it, on disk, and are written in the end."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest

from gemstream.errors import StoreUnavailable
from gemstream.relay.ledger.ledger import Ledger
from gemstream.relay.ledger.record import Record, settling, withdrawing
from gemstream.relay.ledger.spill import Spill
from gemstream.relay.migrations import relay_migrations
from gemstream.stores.database import Database, Statement, open_database
from gemstream.stores.postgres import PostgresDatabase
from gemstream.stores.sqlite_database import SQLiteDatabase
from support.books import attempt, column, settlement, statuses
from support.postgres_server import postgres_process
from support.postgres_wire import Break, postgres_wire


def spilled(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spill.jsonl"))


async def impatient(path: Path) -> SQLiteDatabase:
    database = SQLiteDatabase(path, patience=0.05)
    await database.open(relay_migrations())
    return database


def lock(path: Path) -> sqlite3.Connection:
    """Keep others from writing, as a backup that hangs does."""
    held = sqlite3.connect(path, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    return held


async def test_a_locked_file_refuses_what_is_opened_and_loses_nothing_that_is_settled(
    tmp_path: Path,
) -> None:
    path, folder = tmp_path / "books.sqlite3", tmp_path / "spill"
    database = await impatient(path)
    ledger = Ledger(database, "r", spill=folder)
    await ledger.start()
    for name in ("a", "b"):
        await ledger.open(attempt(name))
    held = lock(path)
    ledger.settle(settlement("a"))
    ledger.settle(settlement("b", cost=9))
    with pytest.raises(StoreUnavailable, match="another process has kept it"):
        await ledger.open(attempt("c"))
    assert ledger.held == 2
    held.close()
    await ledger.flush()
    assert ledger.held == 0
    assert spilled(folder) == []
    assert await statuses(database) == {"a": "ok", "b": "ok"}
    await ledger.aclose()
    await database.aclose()


async def test_what_a_process_could_not_write_is_written_by_the_next(tmp_path: Path) -> None:
    path, folder = tmp_path / "books.sqlite3", tmp_path / "spill"
    database = await impatient(path)
    ledger = Ledger(database, "first/of all", spill=folder)
    await ledger.start()
    await ledger.open(attempt("a"))
    await ledger.open(attempt("b"))
    held = lock(path)
    ledger.settle(settlement("a"))
    ledger.settle(settlement("b", cost=9))
    await ledger.aclose(patience=0.3)
    await database.aclose()
    assert len(spilled(folder)) == 1
    held.close()

    database = await impatient(path)
    await database.run(Statement("UPDATE replicas SET heartbeat = 0"))  # half a minute passes
    second = Ledger(database, "second", spill=folder)
    await second.start()
    assert await statuses(database) == {"a": "ok", "b": "ok"}
    assert await column(database, "cost") == [12, 9]
    assert spilled(folder) == []
    await second.aclose()
    await database.aclose()


async def test_what_a_living_process_has_spilled_is_left_to_it(
    books: Database, tmp_path: Path
) -> None:
    one, two = Ledger(books, "one", spill=tmp_path), Ledger(books, "two", spill=tmp_path)
    await one.start()
    Spill(tmp_path, "one").append([settling(settlement("a"))])
    await two.start()
    assert len(spilled(tmp_path)) == 1
    for ledger in (one, two):
        await ledger.aclose()


async def test_a_line_that_was_cut_short_was_never_counted_on(
    books: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Ledger(books, "r", spill=tmp_path)
    await first.start()
    await first.open(attempt("a"))
    spill = Spill(tmp_path, "r")
    spill.append([settling(settlement("a"))])
    with spill.path.open("ab") as file:
        file.write(settling(settlement("b")).line()[:40])
    again = Ledger(books, "r", spill=tmp_path)
    with caplog.at_level(logging.WARNING):
        await again.start()
    assert "no record of the ledger" in caplog.text
    assert await statuses(books) == {"a": "ok"}
    await first.aclose()
    await again.aclose()


@pytest.mark.parametrize("is_closed_first", ["the ledger", "the database"])
async def test_what_is_settled_after_the_end_is_on_disk(
    tmp_path: Path, is_closed_first: str
) -> None:
    path, folder = tmp_path / "books.sqlite3", tmp_path / "spill"
    database = await impatient(path)
    ledger = Ledger(database, "r", spill=folder)
    await ledger.start()
    await ledger.open(attempt("a"))
    if is_closed_first == "the ledger":
        await ledger.aclose()
        await database.aclose()
        ledger.settle(settlement("a"))
    else:
        await database.aclose()
        ledger.settle(settlement("a"))
        await ledger.aclose(patience=0.0)
    assert len(spilled(folder)) == 1

    database = await impatient(path)
    again = Ledger(database, "r", spill=folder)
    await again.start()
    assert await statuses(database) == {"a": "ok"}
    await again.aclose()
    await database.aclose()


@pytest.mark.parametrize("record", [settling(settlement("a")), withdrawing(attempt("a"))])
def test_a_record_comes_back_from_its_line(record: Record) -> None:
    assert Record.from_line(record.line()) == record


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[1]", b'{"kind":"x"}', b'{"kind":"settle"}', b"\xff"]
)
def test_a_line_that_is_no_record_is_told(line: bytes) -> None:
    with pytest.raises(ValueError, match="no record of the ledger"):
        Record.from_line(line)


async def test_without_a_folder_nothing_is_lost_while_the_process_lives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")  # no folder can be made below it
    path = tmp_path / "books.sqlite3"
    database = await impatient(path)
    ledger = Ledger(database, "r", spill=tmp_path / "other")
    await ledger.start()
    await ledger.open(attempt("a"))
    broken = Ledger(database, "r2", spill=tmp_path / "file" / "spill")
    with pytest.raises(StoreUnavailable, match="spill cannot be read"):
        await broken.start()
    held = lock(path)
    ledger.settle(settlement("a"))
    (tmp_path / "other").write_text("")
    with pytest.raises(StoreUnavailable):
        await database.run(Statement("SELECT 1"))
    held.close()
    await ledger.flush()
    assert await statuses(database) == {"a": "ok"}
    await ledger.aclose()
    await database.aclose()


async def test_an_open_of_unknown_outcome_is_taken_back(postgres_url: str) -> None:
    async with postgres_wire(postgres_url) as wire:
        database = PostgresDatabase(wire.url, patience=0.0)
        await database.open(relay_migrations())
        ledger = Ledger(database, "r")
        await ledger.start()
        wire.break_at_commit(Break.AFTER, b"cut-here")
        with pytest.raises(StoreUnavailable, match="not known"):
            await ledger.open(attempt("cut-here"))
        assert wire.broken == 1
        await ledger.flush()
        assert await statuses(database) == {}
        await ledger.aclose()
        await database.aclose()


async def test_a_server_that_crashes_under_load_loses_and_doubles_no_attempt(
    tmp_path: Path,
) -> None:
    with postgres_process() as server:
        database = PostgresDatabase(server.url, patience=0.05)
        await database.open(relay_migrations())
        ledger = Ledger(database, "r", spill=tmp_path)
        await ledger.start()
        done, settled = asyncio.Event(), asyncio.Queue[None]()
        sent = list[str]()

        async def work(worker: int) -> None:
            number = 0
            while not done.is_set():
                name, number = f"{worker}-{number}", number + 1
                try:
                    await ledger.open(attempt(name))
                except StoreUnavailable:
                    await asyncio.sleep(0.01)  # as a caller who is refused does
                    continue
                sent.append(name)
                await asyncio.sleep(0)
                ledger.settle(settlement(name))
                settled.put_nowait(None)

        workers = [asyncio.ensure_future(work(number)) for number in range(8)]
        for _ in range(60):
            await settled.get()
        await asyncio.to_thread(server.crash)
        await asyncio.to_thread(server.start)
        done.set()
        await asyncio.gather(*workers)
        await ledger.flush()
        assert await statuses(database) == dict.fromkeys(sent, "ok")
        assert spilled(tmp_path) == []
        await ledger.aclose()
        await database.aclose()


async def test_two_processes_share_one_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.sqlite3"
    databases = [await open_database(url, relay_migrations()) for _ in range(2)]
    ledgers = [Ledger(database, f"r{i}") for i, database in enumerate(databases)]
    for ledger in ledgers:
        await ledger.start()

    async def work(ledger: Ledger, name: str) -> None:
        await ledger.open(attempt(name))
        ledger.settle(settlement(name))

    await asyncio.gather(
        *(work(one, f"{i}-{n}") for i, one in enumerate(ledgers) for n in range(200))
    )
    for ledger in ledgers:
        await ledger.flush()
        await ledger.aclose()
    found = await statuses(databases[0])
    assert len(found) == 400 and set(found.values()) == {"ok"}
    for database in databases:
        await database.aclose()
