"""What a ledger does by itself as time passes: notes, heartbeats, sweeps, trying again."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack

from gemstream.relay.ledger.ledger import Ledger
from gemstream.relay.migrations import relay_migrations
from support.books import attempt, column, settlement, statuses, usage
from support.clock import in_no_time
from support.memory_database import MemoryDatabase


async def started(database: MemoryDatabase, name: str, stack: AsyncExitStack) -> Ledger:
    ledger = Ledger(database, name)
    await ledger.start()
    stack.push_async_callback(ledger.aclose)
    return ledger


def test_a_stream_that_notes_each_chunk_is_written_every_five_seconds() -> None:
    async def talk() -> None:
        async with AsyncExitStack() as stack:
            database = MemoryDatabase(relay_migrations())
            ledger = await started(database, "r", stack)
            await ledger.open(attempt("a"))
            for number in range(3001):  # half a minute
                ledger.note("a", 1, usage(5, number), number)
                await asyncio.sleep(0.01)
            written = [sql for sql in database.asked if "noted = " in sql]
            assert len(written) == 6
            (counted,) = await column(database, "candidates_tokens")
            assert 2900 <= counted <= 3000

    in_no_time(talk())


def test_a_process_that_lives_is_never_swept_and_one_that_stops_is_in_40_s() -> None:
    async def live() -> None:
        async with AsyncExitStack() as stack:
            database = MemoryDatabase(relay_migrations())
            stopping = Ledger(database, "stops")
            await stopping.start()
            await started(database, "watches", stack)
            living = await started(database, "lives", stack)
            await living.open(attempt("living"))
            await stopping.open(attempt("stopping"))
            await asyncio.sleep(3600)
            assert set((await statuses(database)).values()) == {"open"}
            await stopping.aclose()  # it leaves, so nobody waits for its lease
            await asyncio.sleep(11)
            assert await statuses(database) == {"living": "open", "stopping": "unknown"}

    in_no_time(live())


def test_a_process_that_was_killed_is_closed_once_its_lease_is_over() -> None:
    async def die() -> None:
        async with AsyncExitStack() as stack:
            database = MemoryDatabase(relay_migrations())
            killed = Ledger(database, "killed")
            await killed.start()
            await killed.open(attempt("a"))
            for duty in asyncio.all_tasks() - {asyncio.current_task()}:
                duty.cancel()
            await started(database, "watches", stack)
            await asyncio.sleep(25)
            assert await statuses(database) == {"a": "open"}
            await asyncio.sleep(16)
            assert await statuses(database) == {"a": "unknown"}

    in_no_time(die())


def test_a_database_that_is_away_for_an_hour_is_asked_now_and_then() -> None:
    async def wait() -> None:
        async with AsyncExitStack() as stack:
            database = MemoryDatabase(relay_migrations())
            ledger = await started(database, "r", stack)
            names = [f"{number:04}" for number in range(600)]
            for name in names:
                await ledger.open(attempt(name))
            database.is_away = True
            for name in names:
                ledger.settle(settlement(name))
            ledger.note("0000", 1, usage(), 5)  # lost; the settlement supersedes it
            await asyncio.sleep(3600)
            assert ledger.held == 600
            settling = [sql for sql in database.asked if "status IN ('open', 'unknown')" in sql]
            assert len(settling) <= 600 + 256 * 730  # every 5 s, 256 of them
            database.is_away = False
            await asyncio.wait_for(ledger.flush(), 6)
            assert await statuses(database) == dict.fromkeys(names, "ok")

    in_no_time(wait())


def test_what_is_taken_again_wakes_what_is_held() -> None:
    async def wake() -> None:
        async with AsyncExitStack() as stack:
            database = MemoryDatabase(relay_migrations())
            ledger = await started(database, "r", stack)
            for name in ("a", "b"):
                await ledger.open(attempt(name))
            database.is_away = True
            ledger.settle(settlement("a"))
            await asyncio.sleep(600)
            database.is_away = False
            began = asyncio.get_running_loop().time()
            ledger.settle(settlement("b"))
            await ledger.flush()
            assert asyncio.get_running_loop().time() == began

    in_no_time(wake())


def test_notes_of_many_streams_share_their_units() -> None:
    async def talk() -> None:
        async with AsyncExitStack() as stack:
            database = MemoryDatabase(relay_migrations())
            ledger = await started(database, "r", stack)
            for number, _ in itertools.product(range(300), range(3)):
                ledger.note(f"{number}", 1, usage(), 5)
            await asyncio.sleep(5.1)
            assert len([sql for sql in database.asked if "noted = " in sql]) == 300

    in_no_time(talk())
