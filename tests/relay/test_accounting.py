"""Whatever callers do, and whenever: one row for each attempt, and all that was held given back."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from gemstream.config.relay.options import BudgetOptions, DisconnectPolicy, KeyOptions
from gemstream.emulator import Cut, Emulator, Rule, Script, Status
from gemstream.emulator.scripts.steps import Step, WaitForAck
from gemstream.relay.keys.key import key_of
from support.peers import left_behind
from support.relay_callers import CALLERS, Caller
from support.relay_oracle import broken_laws, read_journal
from support.relayed import RELAY_KEY, Relayed, Watched, relayed
from support.turns import is_cancelled_after, let_run

STREAMS = {name: caller for name, caller in CALLERS.items() if caller.is_stream}
_GUARD = 20.0  # against a hang, not a measure
# Every limit that there is, none in the way.
LIMITED = KeyOptions(
    name="team-a",
    key=RELAY_KEY,
    rpm=100_000,
    tpm=10**9,
    concurrency=3,
    budget=BudgetOptions(total=10**9),
)
DRAINS = KeyOptions(
    name="team-a", key=RELAY_KEY, on_disconnect=DisconnectPolicy.DRAIN, drain_seconds=20
)


def says(*steps: Step, journal: Path | None = None) -> Emulator:
    return Emulator(Script([Rule(steps=steps)]), journal=journal)


async def until(holds: Callable[[], object]) -> None:
    """Return once it holds; of this nobody tells."""
    async with asyncio.timeout(_GUARD):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@asynccontextmanager
async def audited(
    folder: Path, *steps: Step, key: KeyOptions = LIMITED
) -> AsyncIterator[tuple[Relayed, Emulator]]:
    """Run a relay whose books, limits and tasks are looked at in the end."""
    journal = folder / "journal.jsonl"
    emulator = says(*steps, journal=journal)
    accounts = {"one": {"attempt_header": True}}
    async with relayed(folder, Watched(emulator), keys=(key,), accounts=accounts) as house:
        before = asyncio.all_tasks()
        yield house, emulator
        while left := left_behind(before):
            await asyncio.wait(left)
        await emulator.idle()
        assert house.relay.running == 0
        rows = await house.rows()
        spending = house.relay.parts.limits.budgets.spending("team-a")
        spent = {} if spending is None else {"team-a": spending.total}
        assert broken_laws(read_journal(journal), rows, spent=spent) == []
        await _check_given_back(house, key)


async def _check_given_back(house: Relayed, options: KeyOptions) -> None:
    """L7: nothing is held for anybody."""
    limits, key = house.relay.parts.limits, key_of(options)
    left = (await limits.remaining(key)).concurrency
    assert left is None or left.remaining == left.limit
    assert limits.waiting(key.id) == 0
    assert limits.budgets._log_of(key.id).is_idle
    assert house.relay.parts.pool.facts(0.0).in_flight == 0


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
async def test_who_leaves_at_any_turn_of_the_loop_is_counted_once(
    tmp_path: Path, caller: Caller
) -> None:
    async with audited(tmp_path, "one ", "two ", "three") as (house, _):
        turns = itertools.count(0, 3)
        while await is_cancelled_after(next(turns), house.ask(caller.path, caller.body)):
            pass
        assert {row["status"] for row in await house.rows()} <= {"ok", "client_cancel"}


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
async def test_who_leaves_at_any_turn_behind_the_dispatch_is_counted_once(
    tmp_path: Path, caller: Caller
) -> None:
    async with audited(tmp_path, "one ", "two ", "three") as (house, _):
        for turns in itertools.count():
            arrived = house.emulators["one"].arrived
            arrived.clear()
            asking = asyncio.create_task(house.ask(caller.path, caller.body))
            await until(arrived.is_set)
            await let_run(turns)
            was_running = asking.cancel()
            await asyncio.wait([asking])
            await until(lambda: not house.relay.running)  # it holds a place until then
            if not was_running:
                break
        rows = await house.rows()
    assert len(rows) == turns + 1
    assert {row["status"] for row in rows} == {"ok", "client_cancel"}


@pytest.mark.parametrize("events", range(4))
@pytest.mark.parametrize("caller", STREAMS.values(), ids=STREAMS)
async def test_who_leaves_behind_any_event_is_charged_for_what_came(
    tmp_path: Path, caller: Caller, events: int
) -> None:
    words = ["one ", "two ", "three "]
    steps = [step for word in words for step in (WaitForAck(), word)]
    async with audited(tmp_path, *steps, WaitForAck(), "four") as (house, emulator):
        leaving = asyncio.create_task(_reads(house, emulator, caller, words[:events]))
        await leaving
        await emulator.idle()
        (row,) = await house.rows()
        (entry,) = emulator.journal
    assert (row["status"], row["is_estimated"]) == ("client_cancel", 1)
    if events:
        assert entry.usage is not None
        assert row["total_tokens"] == entry.usage.total_token_count


async def _reads(house: Relayed, emulator: Emulator, caller: Caller, words: list[str]) -> None:
    """Read up to the last of ``words``, each let go when the one before was there, and leave."""
    opening = asyncio.create_task(house.open(caller.path, caller.body))
    if not words:
        await house.emulators["one"].arrived.wait()
        opening.cancel()
        await asyncio.wait([opening])
        return
    emulator.ack()
    exchange = await opening
    seen = b""
    for word in words:
        while word.encode() not in seen:
            seen += await exchange.receive()
        if word is not words[-1]:
            emulator.ack()
    await exchange.aclose()


async def test_who_leaves_the_queue_was_never_there(tmp_path: Path) -> None:
    key = KeyOptions(name="team-a", key=RELAY_KEY, concurrency=1, queue=5)
    caller = CALLERS["openai events"]
    async with audited(tmp_path, "one ", WaitForAck(), "two", key=key) as (house, emulator):
        first = asyncio.create_task(house.ask(caller.path, caller.body))
        limits = house.relay.parts.limits
        await until(lambda: house.relay.running)
        waiting = [asyncio.create_task(house.ask(caller.path, caller.body)) for _ in range(3)]
        await until(lambda: limits.waiting("team-a") == 3)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await until(lambda: not limits.waiting("team-a"))
        emulator.ack()
        assert caller.met(await first).error is None
        assert len(await house.rows()) == 1


async def test_who_leaves_while_the_books_are_slow_was_never_sent(tmp_path: Path) -> None:
    caller = CALLERS["anthropic events"]
    async with audited(tmp_path, "one") as (house, emulator):
        await house.rows()
        with closing(sqlite3.connect(tmp_path / "books.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            asking = asyncio.create_task(house.ask(caller.path, caller.body))
            await until(lambda: house.relay.running)
            asking.cancel()
            await asyncio.wait([asking])
            await until(lambda: not house.relay.running)
            other.rollback()
        assert await house.rows() == []
        assert not emulator.journal


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
async def test_a_key_that_drains_is_charged_for_the_whole_answer(
    tmp_path: Path, caller: Caller
) -> None:
    emulator = Watched(says("one ", WaitForAck(), "two ", "three"))
    async with relayed(tmp_path, emulator, keys=(DRAINS,)) as house:
        asking = asyncio.create_task(house.ask(caller.path, caller.body))
        await emulator.arrived.wait()
        asking.cancel()
        await asyncio.wait([asking])
        emulator._emulator.ack()
        await until(lambda: not house.relay.running)
        (row,) = await house.rows()
        (entry,) = emulator._emulator.journal
    assert (row["status"], row["is_estimated"]) == ("ok", 0)
    assert entry.usage is not None
    assert row["total_tokens"] == entry.usage.total_token_count


@pytest.mark.parametrize("fault", [Status(code=503), Cut()])
async def test_nobody_else_is_asked_for_a_caller_who_left(tmp_path: Path, fault: Step) -> None:
    first, second = Watched(says(WaitForAck(), fault)), Emulator()
    caller, accounts = CALLERS["openai events"], {"one": {"priority": 1}}
    async with relayed(tmp_path, first, second, keys=(DRAINS,), accounts=accounts) as house:
        asking = asyncio.create_task(house.ask(caller.path, caller.body))
        await first.arrived.wait()
        asking.cancel()
        await asyncio.wait([asking])
        first._emulator.ack()
        await until(lambda: not house.relay.running)
        (row,) = await house.rows()
    assert row["status"] == "upstream_error"
    assert not second.journal


async def test_a_drain_ends_in_time(tmp_path: Path) -> None:
    key = KeyOptions(
        name="team-a", key=RELAY_KEY, on_disconnect=DisconnectPolicy.DRAIN, drain_seconds=0.01
    )
    emulator = Watched(says("one ", WaitForAck(), "never"))
    async with relayed(tmp_path, emulator, keys=(key,)) as house:
        caller = CALLERS["gemini events"]
        exchange = await house.open(caller.path, caller.body)
        await exchange.receive()
        await exchange.aclose()
        await until(lambda: not house.relay.running)
        (row,) = await house.rows()
    assert (row["status"], row["is_estimated"]) == ("client_cancel", 1)


@pytest.mark.parametrize("caller", STREAMS.values(), ids=STREAMS)
async def test_a_budget_that_ends_in_the_midst_ends_the_stream_in_its_dialect(
    tmp_path: Path, caller: Caller
) -> None:
    key = KeyOptions(name="team-a", key=RELAY_KEY, budget=BudgetOptions(total=200))
    words = [f"word {number} " * 20 for number in range(40)]
    async with audited(tmp_path, *words, key=key) as (house, _):
        met = caller.met(await house.ask(caller.path, caller.body))
        again = caller.met(await house.ask(caller.path, caller.body))
        (row,) = await house.rows()
    assert met.error in ("RESOURCE_EXHAUSTED", "insufficient_quota", "billing_error")
    assert again.error == met.error and again.text == ""
    assert met.text and "".join(words).startswith(met.text) and len(met.text) < len("".join(words))
    assert (row["status"], row["error"]) == ("limited", "BudgetExceeded")
    assert row["cost"] >= 200


async def test_what_an_answer_has_come_to_is_in_the_books_before_its_end(tmp_path: Path) -> None:
    caller = CALLERS["gemini events"]
    async with audited(tmp_path, "one two three ", WaitForAck(), "four") as (house, emulator):
        exchange = await house.open(caller.path, caller.body)
        await exchange.receive()
        house.relay.note_progress()
        await house.relay.parts.ledger.write_notes()
        (row,) = await house.rows()
        assert row["status"] == "open"
        assert row["total_tokens"] > row["prompt_tokens"] > 0 and row["cost"] > 0
        # What is noted is not counted a second time when the answer ends.
        await house.relay.parts.limits.budgets.read()
        emulator.ack()
        while await exchange.receive():
            pass


async def test_an_answer_that_had_finished_is_whole_however_its_connection_ends(
    tmp_path: Path,
) -> None:
    for caller in STREAMS.values():
        async with relayed(tmp_path, says("one ", "two", Cut(at_byte=10**6))) as house:
            met = caller.met(await house.ask(caller.path, caller.body))
            row = (await house.rows())[-1]
        assert (met.text, met.error) == ("one two", None)
        assert row["status"] == "ok"


async def test_books_that_fail_behind_a_heartbeat_are_told_of_in_the_stream(
    tmp_path: Path,
) -> None:
    key = KeyOptions(name="team-a", key=RELAY_KEY, heartbeat=0.01)
    caller = CALLERS["anthropic events"]
    first: Any = says(WaitForAck(), Status(code=500))
    accounts = {"one": {"priority": 1}}
    async with relayed(tmp_path, first, Emulator(), keys=(key,), accounts=accounts) as house:
        exchange = await house.open(caller.path, caller.body)
        body = await exchange.receive()
        await house.relay.parts.ledger.aclose()  # the second attempt cannot be written
        first.ack()
        while data := await exchange.receive():
            body += data
        assert b"event: error" in body
        assert body.endswith(b"\n\n")
