"""A row before an attempt is sent, settled once, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gemstream.errors import InvalidState
from gemstream.relay.ledger.attempt import AttemptStatus
from gemstream.relay.ledger.ledger import Ledger
from gemstream.stores.database import Database, Statement
from support.books import attempt, column, settlement, statuses, usage


@pytest.fixture
async def ledger(books: Database, tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger(books, "replica-1", spill=tmp_path / "spill")
    await ledger.start()
    yield ledger
    await ledger.aclose()


async def test_an_open_row_is_there_before_the_attempt_is_sent(
    ledger: Ledger, books: Database
) -> None:
    await ledger.open(attempt("a"))
    assert await statuses(books) == {"a": "open"}
    assert await column(books, "replica") == ["replica-1"]
    assert await column(books, "reserved_micros") == [70]


async def test_a_settled_row_holds_every_count(ledger: Ledger, books: Database) -> None:
    await ledger.open(attempt("a"))
    counted = usage(
        cached_content_token_count=2, thoughts_token_count=4, tool_use_prompt_token_count=6
    )
    ledger.settle(
        settlement("a", usage=counted, cache_creation=8, is_estimated=True, price_version="v1")
    )
    await ledger.flush()
    (row,) = await books.fetch(
        "SELECT status, prompt_tokens, cached_tokens, cache_creation_tokens, candidates_tokens, "
        "thoughts_tokens, tool_use_tokens, total_tokens, cost, price_version, is_estimated, "
        "http_status, first_chunk, duration, bytes, chunks, finish_reason FROM attempts"
    )
    assert row == ("ok", 5, 2, 8, 7, 4, 6, 12, 12, "v1", 1, 200, 300, 900, 4000, 3, "STOP")
    assert json.loads((await column(books, "modalities"))[0]) == {"prompt": {"TEXT": 5}}
    assert json.loads((await column(books, "usage"))[0])["thoughtsTokenCount"] == 4


async def test_the_second_settlement_changes_nothing(ledger: Ledger, books: Database) -> None:
    await ledger.open(attempt("a"))
    ledger.settle(settlement("a"))
    ledger.settle(settlement("a", status=AttemptStatus.TRUNCATED, cost=99))
    await ledger.flush()
    ledger.settle(settlement("a", status=AttemptStatus.TRUNCATED, cost=99))
    await ledger.flush()
    assert await statuses(books) == {"a": "ok"}
    assert await column(books, "cost") == [12]


async def test_a_number_is_given_once(ledger: Ledger) -> None:
    await ledger.open(attempt("a"))
    await ledger.open(attempt("a", 2))
    with pytest.raises(InvalidState, match="attempt 1 already"):
        await ledger.open(attempt("a", started=5))


async def test_what_was_noted_stays_where_the_settlement_does_not_know(
    ledger: Ledger, books: Database
) -> None:
    await ledger.open(attempt("a"))
    ledger.note("a", 1, usage(3, 1), 100, 5)
    ledger.note("a", 1, usage(3, 2), 200, 6)
    await ledger.write_notes()
    assert await column(books, "candidates_tokens") == [2]
    assert await column(books, "bytes") == [200]
    ledger.settle(settlement("a", status=AttemptStatus.TRUNCATED, usage=None, cost=None))
    await ledger.flush()
    assert await column(books, "candidates_tokens") == [2]
    assert await column(books, "cost") == [6]


async def test_a_late_note_does_not_touch_a_settled_row(ledger: Ledger, books: Database) -> None:
    await ledger.open(attempt("a"))
    ledger.settle(settlement("a"))
    ledger.note("a", 1, usage(1, 1), 1)
    await ledger.flush()
    await ledger.write_notes()
    assert await column(books, "candidates_tokens") == [7]


async def test_an_open_that_was_cancelled_is_taken_back(ledger: Ledger, books: Database) -> None:
    opening = asyncio.ensure_future(ledger.open(attempt("a")))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await books.run(Statement("SELECT 1"))  # the row was written by then
    await ledger.flush()
    assert await statuses(books) == {}


async def test_whatever_a_service_says_is_fitted_to_the_columns(
    ledger: Ledger, books: Database
) -> None:
    await ledger.open(attempt("a", model="m\0\ud800" + "x" * 1000))
    ledger.settle(settlement("a", usage=usage(2**80, -4), error="\ud800\0" * 400))
    await ledger.flush()
    assert await statuses(books) == {"a": "ok"}
    assert await column(books, "prompt_tokens") == [2**53 - 1]
    assert await column(books, "candidates_tokens") == [0]


async def test_nothing_is_opened_before_the_start(books: Database) -> None:
    with pytest.raises(InvalidState, match="not started"):
        await Ledger(books, "replica-2").open(attempt("a"))


async def test_what_a_dead_process_left_open_is_closed_with_what_was_noted(
    books: Database,
) -> None:
    dead, living = Ledger(books, "dead"), Ledger(books, "living")
    await dead.start()
    await living.start()
    await dead.open(attempt("a"))
    await living.open(attempt("b"))
    dead.note("a", 1, usage(3, 9), 77, 40)
    await dead.write_notes()
    await books.run(Statement("UPDATE replicas SET heartbeat = 0 WHERE replica = 'dead'"))
    third = Ledger(books, "third")
    await third.start()
    assert await statuses(books) == {"a": "unknown", "b": "open"}
    assert await column(books, "candidates_tokens") == [9, None]
    assert await column(books, "cost") == [40, None]
    assert await column(books, "is_estimated") == [1, 0]
    dead.settle(settlement("a"))  # it was not dead, only stopped for a while
    await dead.flush()
    assert await statuses(books) == {"a": "ok", "b": "open"}
    assert await column(books, "candidates_tokens") == [7, None]
    assert await column(books, "is_estimated") == [0, 0]
    for ledger in (dead, living, third):
        await ledger.aclose()


async def test_a_process_started_again_under_its_name_closes_its_own_rows(books: Database) -> None:
    first = Ledger(books, "relay-1")
    await first.start()
    await first.open(attempt("a"))
    second = Ledger(books, "relay-1")
    await second.start()
    assert await statuses(books) == {"a": "unknown"}
    await first.aclose()
    await second.aclose()
