"""Several processes that serve one key: each has its own ``KeyLimits`` over the same books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gemstream.config.relay.options import BudgetOptions
from gemstream.errors import BudgetExceeded, RateLimited
from gemstream.limits.redis_store import RedisStore
from gemstream.limits.sqlite_store import SQLiteStore
from gemstream.limits.store import LimitStore
from gemstream.policy.key.budget import Spending
from gemstream.relay.keys.admission import KeyAdmission
from gemstream.relay.keys.budgets import Budgets
from gemstream.relay.keys.limits import KeyLimits
from gemstream.relay.ledger.ledger import Ledger
from gemstream.relay.ledger.spent import spent
from gemstream.stores.database import Database
from support.books import NOON, attempt, settlement
from support.limit_clock import SetClock
from support.redis_server import RedisAt
from support.relay_keys import a_key

Open = Callable[[], KeyLimits]


@pytest.fixture(params=["machine", "redis"])
async def process(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Begin another process that counts in the same books."""
    stores: list[LimitStore] = []

    def begin() -> KeyLimits:
        if request.param == "redis":
            server: RedisAt = request.getfixturevalue("redis_server")
            stores.append(RedisStore(server.url))
        else:
            stores.append(SQLiteStore(tmp_path / "limits.sqlite3"))
        return KeyLimits(stores[-1])

    if request.param == "redis":
        request.getfixturevalue("redis_server")
    yield begin
    for store in stores:
        await store.aclose()


async def burst(processes: list[KeyLimits], **options: Any) -> list[KeyAdmission]:
    answers = await asyncio.gather(
        *(processes[at % len(processes)].admit(a_key(**options), 1, 0) for at in range(50)),
        return_exceptions=True,
    )
    for answer in answers:
        assert isinstance(answer, KeyAdmission | RateLimited), answer
    return [answer for answer in answers if isinstance(answer, KeyAdmission)]


@pytest.mark.parametrize("quota", ["rpm", "tpm", "rpd", "concurrency"])
async def test_of_fifty_requests_to_three_processes_five_are_let_in(
    process: Open, quota: str
) -> None:
    processes = [process() for _ in range(3)]
    assert len(await burst(processes, **{quota: 5})) == 5


async def test_a_place_that_one_process_gives_back_goes_to_who_waits_in_another(
    process: Open,
) -> None:
    here, there = process(), process()
    key = a_key(concurrency=1, queue=1, queue_timeout=60.0)
    running = await here.admit(key, 1, 0)
    waiting = asyncio.create_task(there.admit(key, 1, 0))
    await asyncio.sleep(0)
    with pytest.raises(RateLimited, match="and 1 wait already"):  # asked after it, told after it
        await there.admit(key, 1, 0)
    running.settle(1, 0)
    (await waiting).settle(1, 0)


async def test_a_request_that_is_cancelled_leaves_nothing_in_the_books(process: Open) -> None:
    limits, key = process(), a_key(concurrency=1, rpm=100, rpd=100, tpm=100)
    for steps in range(30):
        asking = asyncio.create_task(limits.admit(key, 1, 0))
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        for ended in await asyncio.gather(asking, return_exceptions=True):
            if isinstance(ended, KeyAdmission):
                ended.cancel()
    admission = await limits.admit(key, 1, 0)
    left = await admission.remaining()
    assert left.day is not None and left.day.remaining == 99
    assert left.concurrency is not None and left.concurrency.remaining == 0


@pytest.mark.parametrize(("passed", "is_free"), [(29, False), (31, True)])
async def test_the_place_of_a_process_that_died_is_free_when_its_lease_is_over(
    tmp_path: Path, passed: float, is_free: bool
) -> None:
    clock = SetClock()
    dead, living = (SQLiteStore(tmp_path / "limits.sqlite3", clock=clock) for _ in range(2))
    key = a_key(concurrency=1)
    held = await KeyLimits(dead).admit(key, 1, 0)
    clock.go(passed)  # and nobody renews the lease: the clock stood, as the process does
    if is_free:
        await KeyLimits(living).admit(key, 1, 0)
    else:
        with pytest.raises(RateLimited):
            await KeyLimits(living).admit(key, 1, 0)
    held.settle(1, 0)
    for store in (dead, living):
        await store.aclose()


# --- budgets by the ledger -------------------------------------------------------------------


async def test_budgets_go_on_from_what_the_ledger_has(books: Database) -> None:
    ledger = Ledger(books, "before")
    await ledger.start()
    key = a_key("key-1", budget=BudgetOptions(day=100))
    for number, cost in enumerate((40, 50)):
        await ledger.open(attempt(f"r{number}"))
        ledger.settle(settlement(f"r{number}", cost=cost))
    await ledger.flush()

    async def spending_of(key_id: str) -> Spending:
        found = await spent(books, key_id, NOON)
        return Spending(found.day, found.month, found.total)

    budgets = Budgets(spending_of, lambda: NOON)
    await budgets.prepare(key)
    with pytest.raises(BudgetExceeded):
        budgets.reserve(key, "a", 11, least=11)
    budgets.reserve(key, "a", 10)

    await ledger.open(attempt("r3"))  # by another process, meanwhile
    ledger.settle(settlement("r3", cost=5))
    await ledger.flush()
    await budgets.read()
    with pytest.raises(BudgetExceeded):
        budgets.adjust(key, "a", 6)
    await ledger.aclose()
