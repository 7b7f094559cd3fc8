"""Sums over attempts: the same before a day is summed up, after, and when its rows are gone."""

from __future__ import annotations

import asyncio
import csv
import datetime
import io
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.relay.ledger.attempt import AttemptStatus
from gemstream.relay.ledger.attempt_row import Export, attempts_of
from gemstream.relay.ledger.ledger import Ledger
from gemstream.relay.ledger.report import (
    UsageBy,
    UsageQuery,
    UsageRow,
    total_of,
    usage_csv,
    usage_json,
    usage_report,
)
from gemstream.relay.ledger.retention import sum_up
from gemstream.relay.ledger.spent import Spent, spent
from gemstream.relay.migrations import relay_migrations
from gemstream.stores.database import Database, open_database
from support.books import DAY, NOON, attempt, settlement, usage

TODAY = datetime.date(2024, 10, 4)


@pytest.fixture
async def ledger(books: Database) -> AsyncIterator[Ledger]:
    ledger = Ledger(books, "replica-1")
    await ledger.start()
    yield ledger
    await ledger.aclose()


async def put(ledger: Ledger, request_id: str, days_ago: int = 0, **fields: object) -> None:
    """Open an attempt, and settle it when a cost is given."""
    cost = fields.pop("cost", 10)
    number = int(str(fields.pop("number", 1)))
    status = fields.pop("status", AttemptStatus.OK)
    opened = attempt(request_id, number, **{"started": NOON - days_ago * DAY, **fields})
    await ledger.open(opened)
    if status is not AttemptStatus.OPEN:
        ledger.settle(settlement(request_id, number, cost=cost, status=status))
    await ledger.flush()


async def fill(ledger: Ledger) -> None:
    await put(ledger, "a", key_id="k1", model="m1", account="x", status=AttemptStatus.TRUNCATED)
    await put(ledger, "a", number=2, key_id="k1", model="m1", account="y", cost=5)
    await put(ledger, "b", 1, key_id="k2", model="m1", account="x", cost=None)
    await put(ledger, "c", 40, key_id="k1", model="m2", account="x", cost=100)
    await put(ledger, "d", 41, key_id="k1", model="m2", account="x", cost=7)
    await put(ledger, "e", key_id="k2", model="m2", account="x", status=AttemptStatus.OPEN)


async def named(books: Database, by: UsageBy, **query: object) -> dict[str, tuple[int, int]]:
    rows = await usage_report(books, by, UsageQuery(**query))  # type: ignore[arg-type]
    return {row.name: (row.attempts, row.cost) for row in rows}


async def everything(books: Database) -> list[object]:
    rows: list[object] = [await usage_report(books, by) for by in UsageBy]
    rows += [await spent(books, key, NOON) for key in ("k1", "k2")]
    return rows


async def test_usage_by_each_of_its_sides(ledger: Ledger, books: Database) -> None:
    await fill(ledger)
    assert await named(books, UsageBy.KEY) == {"k1": (4, 122), "k2": (2, 0)}
    assert await named(books, UsageBy.MODEL) == {"m1": (3, 15), "m2": (3, 107)}
    assert await named(books, UsageBy.ACCOUNT) == {"x": (5, 117), "y": (1, 5)}
    assert list(await named(books, UsageBy.DAY)) == [
        "2024-08-24",
        "2024-08-25",
        "2024-10-03",
        "2024-10-04",
    ]


async def test_one_row_tells_what_became_of_its_attempts(ledger: Ledger, books: Database) -> None:
    await fill(ledger)
    first, second = await usage_report(books, UsageBy.MODEL)
    assert (first.name, second.name) == ("m2", "m1")  # the dearest first
    assert (first.requests, first.ok, first.open, first.unpriced) == (3, 2, 1, 0)
    assert (second.requests, second.ok, second.open, second.unpriced) == (2, 2, 0, 1)
    assert (first.prompt_tokens, first.candidates_tokens, first.total_tokens) == (10, 14, 24)


@pytest.mark.parametrize(
    ("query", "attempts"),
    [
        ({"since": TODAY}, 3),
        ({"until": TODAY - datetime.timedelta(days=1)}, 3),
        ({"since": datetime.date(2024, 8, 24), "until": datetime.date(2024, 8, 24)}, 1),
        ({"key_id": "k1", "model": "m2"}, 2),
        ({"account": "y"}, 1),
        ({"surface": "openai"}, 0),
    ],
)
async def test_a_query_chooses(
    ledger: Ledger, books: Database, query: dict[str, object], attempts: int
) -> None:
    await fill(ledger)
    for _ in range(2):
        found = await named(books, UsageBy.ACCOUNT, **query)
        assert sum(count for count, _ in found.values()) == attempts
        await sum_up(books, NOON, 2)


@pytest.mark.parametrize("retention", [None, 0, 10, 40, 100])
async def test_no_sum_moves_when_days_are_summed_up_and_rows_deleted(
    ledger: Ledger, books: Database, retention: int | None
) -> None:
    await fill(ledger)
    before = await everything(books)
    for _ in range(2):
        await sum_up(books, NOON, retention)
        assert await everything(books) == before
    rows = await books.fetch("SELECT count(*) FROM attempts WHERE is_rolled = 0")
    assert rows == [(3,)]  # today's


async def test_rows_are_deleted_for_their_age_and_others_are_not(
    ledger: Ledger, books: Database
) -> None:
    await fill(ledger)
    assert await sum_up(books, NOON, 40) == 1
    assert await sum_up(books, NOON, 40) == 0
    assert await attempts_of(books, "d") == ()
    assert len(await attempts_of(books, "c")) == 1


async def test_a_row_without_its_last_word_waits_for_it_until_it_is_deleted(
    ledger: Ledger, books: Database
) -> None:
    await put(ledger, "a", 2, status=AttemptStatus.OPEN)
    again = Ledger(books, "replica-1")
    await again.start()  # the row is unknown now
    await sum_up(books, NOON, 30)
    ledger.settle(settlement("a", cost=55))
    await ledger.flush()
    assert (await spent(books, "key-1", NOON)).total == 55
    await again.aclose()


async def test_many_who_sum_up_at_once_sum_up_each_row_once(
    ledger: Ledger, books: Database, database_url: str
) -> None:
    await asyncio.gather(*(put(ledger, f"{number}", 3, cost=1) for number in range(2500)))
    others = [await open_database(database_url, relay_migrations()) for _ in range(3)]
    await asyncio.gather(*(sum_up(one, NOON, 1) for one in (books, *others)))
    assert (await spent(books, "key-1", NOON)).total == 2500
    assert await books.fetch("SELECT count(*) FROM attempts") == [(0,)]
    for one in others:
        await one.aclose()


async def test_what_a_key_has_spent_by_day_month_and_in_all(
    ledger: Ledger, books: Database
) -> None:
    for days_ago, cost in ((0, 1), (1, 10), (3, 100), (4, 1000), (400, 10000)):
        await put(ledger, f"{days_ago}", days_ago, cost=cost)
    await put(ledger, "open", status=AttemptStatus.OPEN, reserved_micros=70)
    await put(ledger, "other", key_id="k2", cost=5)
    ledger.note("open", 1, usage(), 5, 30)
    await ledger.write_notes()
    expected = Spent(day=31, month=141, total=11141, reserved=40)
    assert await spent(books, "key-1", NOON) == expected
    await sum_up(books, NOON, 2)
    assert await spent(books, "key-1", NOON) == expected
    assert await spent(books, "nobody", NOON) == Spent(day=0, month=0, total=0, reserved=0)


async def test_a_request_is_its_keys_own(ledger: Ledger, books: Database) -> None:
    await fill(ledger)
    one, two = await attempts_of(books, "a")
    assert (one.attempt_no, one.status, two.status, two.account) == (1, "truncated", "ok", "y")
    assert one.modalities == {"prompt": {"TEXT": 5}}
    assert one.usage is not None and one.usage["totalTokenCount"] == 12
    assert len(await attempts_of(books, "a", "k1")) == 2
    assert await attempts_of(books, "a", "k2") == ()


async def test_an_export_is_every_row_once_the_oldest_first(
    ledger: Ledger, books: Database
) -> None:
    await asyncio.gather(*(put(ledger, f"{n:04}", n % 3) for n in range(1234)))
    lines = [json.loads(line) async for line in Export(books)]
    assert sorted(line["request_id"] for line in lines) == [f"{n:04}" for n in range(1234)]
    assert [line["started"] for line in lines] == sorted(line["started"] for line in lines)
    assert lines[0]["usage"]["promptTokenCount"] == 5
    chosen = [line async for line in Export(books, TODAY, TODAY)]
    assert len(chosen) == 412
    assert [line async for line in Export(books, until=datetime.date(2020, 1, 1))] == []


def row(name: str, **fields: int) -> UsageRow:
    return UsageRow(name=name, **{**dict.fromkeys(UsageRow.__struct_fields__[1:], 0), **fields})


@given(st.lists(st.builds(row, st.text(max_size=9), cost=st.integers(0, 10**15))))
@settings(max_examples=50)
def test_csv_and_json_say_what_the_rows_say(rows: list[UsageRow]) -> None:
    read = list(csv.DictReader(io.StringIO(usage_csv(rows), newline="")))
    assert [int(one["cost"]) for one in read] == [one.cost for one in rows]
    decoded = json.loads(usage_json(rows))
    assert [one["name"] for one in decoded["rows"]] == [one.name for one in rows]
    assert decoded["total"]["cost"] == total_of(rows).cost == sum(one.cost for one in rows)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_a_name_that_a_spreadsheet_would_run_is_text(name: str) -> None:
    (read,) = csv.DictReader(io.StringIO(usage_csv([row(name)]), newline=""))
    assert read["name"] == f"'{name}"
