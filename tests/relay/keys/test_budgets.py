from __future__ import annotations

import asyncio
import logging
from decimal import Decimal

import pytest

from gemstream.config.relay.options import BudgetOptions
from gemstream.errors import BudgetExceeded, StoreUnavailable
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.key.budget import Spending
from gemstream.relay.keys.budgets import Budgets
from gemstream.relay.keys.limits import KeyLimits
from support.clock import in_no_time
from support.limit_clock import NOON
from support.relay_keys import a_key

KEY = a_key(budget=BudgetOptions(day=1_500_000))


class Books:
    """What keys have spent by the books; away while ``is_away``."""

    def __init__(self, **spent: int) -> None:
        self.spent = {name.replace("_", "-"): micros for name, micros in spent.items()}
        self.is_away = False
        self.readings = 0

    async def __call__(self, key_id: str) -> Spending:
        await asyncio.sleep(0)
        self.readings += 1
        if self.is_away:
            raise StoreUnavailable("the database is out of reach")
        micros = self.spent.get(key_id, 0)
        return Spending(micros, micros, micros)


def limits_by(books: Books) -> KeyLimits:
    return KeyLimits(MemoryStore(), Budgets(books, lambda: NOON))


async def test_what_was_spent_before_this_process_began_counts() -> None:
    books = Books(team_a=1_000_000)
    limits = limits_by(books)
    with pytest.raises(BudgetExceeded) as raised:
        await limits.admit(KEY, 1, 600_000, least_micros=500_001)
    error = raised.value
    assert (error.max_cost, error.period, error.retry_delay) == (Decimal("1.5"), "day", 18_000.0)
    assert str(error) == (
        "the request costs $0.500001 at least, more than is left of the budget of $1.500000 a day "
        "of key 'team-a' ($1.000000 spent, $0.000000 held by requests that run); nothing was sent; "
        "a new one begins in 5 h 0 min"
    )
    await limits.admit(KEY, 1, 600_000, least_micros=500_000)
    with pytest.raises(BudgetExceeded) as raised:
        await limits.admit(KEY, 1, 1)
    assert raised.value.retry_delay is None
    assert str(raised.value) == (
        "nothing is left of the budget of $1.500000 a day of key 'team-a' ($1.000000 spent, "
        "$0.500000 held by requests that run); nothing was sent, try again when one of them has "
        "ended"
    )
    assert books.readings == 1


async def test_many_at_once_read_the_books_once() -> None:
    books = Books()
    limits = limits_by(books)
    await asyncio.gather(*(limits.admit(KEY, 1, 1) for _ in range(50)))
    assert books.readings == 1


async def test_a_key_without_a_budget_reads_nothing() -> None:
    books = Books()
    books.is_away = True
    (await limits_by(books).admit(a_key(), 1, 10**9)).settle(1, 10**9)
    assert books.readings == 0


async def test_a_key_that_is_given_a_budget_while_it_runs_is_held_to_it() -> None:
    books = Books()
    limits = limits_by(books)
    running = await limits.admit(a_key(), 1, 1_000_000)
    with pytest.raises(BudgetExceeded):
        await limits.admit(KEY, 1, 0, least_micros=600_000)
    running.settle(1, 1_000_000)
    with pytest.raises(BudgetExceeded):
        await limits.admit(KEY, 1, 0, least_micros=600_000)
    await limits.admit(KEY, 1, 500_000)


async def test_a_key_that_is_gone_and_comes_back_is_read_anew() -> None:
    books = Books(team_a=1_000_000)
    limits = limits_by(books)
    running = await limits.admit(KEY, 1, 1)
    limits.forget("team-a")
    assert limits.budgets.spending("team-a") is not None  # something of it runs
    running.settle(1, 1)
    limits.forget("team-a")
    assert limits.budgets.spending("team-a") is None
    books.spent["team-a"] = 1_500_000
    with pytest.raises(BudgetExceeded):
        await limits.admit(KEY, 1, 1)


async def test_a_budget_that_cannot_be_read_lets_nothing_in() -> None:
    books = Books()
    limits = limits_by(books)
    books.is_away = True
    with pytest.raises(StoreUnavailable):
        await limits.admit(KEY, 1, 1)
    books.is_away = False
    await limits.admit(KEY, 1, 1)


async def test_a_stream_is_cut_in_its_midst() -> None:
    limits = limits_by(Books())
    admission = await limits.admit(KEY, 10, 1_000)
    admission.adjust(100, 1_500_000)
    with pytest.raises(BudgetExceeded) as raised:
        admission.adjust(110, 1_500_001)
    assert str(raised.value).startswith(
        "the answer was cut: the budget of $1.500000 a day of key 'team-a' is used up"
    )
    admission.settle(110, 1_500_001)
    with pytest.raises(BudgetExceeded, match="is used up; nothing was sent"):
        await limits.admit(KEY, 1, 0)
    assert limits.budgets.spending("team-a") == Spending(1_500_001, 1_500_001, 1_500_001)
    assert limits.budgets.spending("team-b") is None


def test_what_other_processes_spend_is_known_in_five_seconds() -> None:
    async def watch() -> None:
        books = Books()
        limits = limits_by(books)
        running = await limits.admit(KEY, 1, 1)
        following = asyncio.create_task(limits.budgets.follow())
        books.spent["team-a"] = 1_500_000
        await asyncio.sleep(5)
        with pytest.raises(BudgetExceeded):
            await limits.admit(KEY, 1, 0)
        with pytest.raises(BudgetExceeded):
            running.adjust(1, 1)
        following.cancel()

    in_no_time(watch())


def test_a_key_that_was_not_in_use_is_read_again_before_its_next_request() -> None:
    async def watch() -> None:
        books = Books()
        limits = limits_by(books)
        (await limits.admit(KEY, 1, 1)).settle(1, 1)
        following = asyncio.create_task(limits.budgets.follow())
        await asyncio.sleep(3600)
        assert books.readings == 2  # once for it was used, and no more
        books.spent["team-a"] = 1_500_000
        with pytest.raises(BudgetExceeded):
            await limits.admit(KEY, 1, 1)
        books.is_away = True
        await asyncio.sleep(3600)
        with pytest.raises(BudgetExceeded):  # by what is known
            await limits.admit(KEY, 1, 1)
        following.cancel()

    in_no_time(watch())


def test_books_that_are_away_are_survived_and_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def watch() -> None:
        books = Books()
        limits = limits_by(books)
        (await limits.admit(KEY, 1, 1_000_000)).settle(1, 1_000_000)
        following = asyncio.create_task(limits.budgets.follow())
        books.is_away = True
        await asyncio.sleep(60)
        with pytest.raises(BudgetExceeded):
            await limits.admit(KEY, 1, 0, least_micros=600_000)
        books.is_away = False
        books.spent["team-a"] = 1_500_000
        await asyncio.sleep(5)
        with pytest.raises(BudgetExceeded):
            await limits.admit(KEY, 1, 1)
        following.cancel()

    with caplog.at_level(logging.WARNING, "gemstream.relay"):
        in_no_time(watch())
    assert [record.message for record in caplog.records] == [
        "budgets go by what this process knows, not by what others spend: "
        "the database is out of reach",
        "budgets go by the books again",
    ]
