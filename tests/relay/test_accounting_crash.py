"""Killed at any moment, under callers who leave at any byte: nothing lost and nothing doubled."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from gemstream.emulator import Cut, Emulator, NakedError, NoFinish, Rule, Script, Status, serving
from gemstream.emulator.scripts.steps import Pause, Step
from support.beside import beside
from support.relay_oracle import broken_laws, read_books, read_journal
from support.relay_process import Rowdies, relay_file, relay_process

_CYCLES = [pytest.param(20), pytest.param(1000, marks=pytest.mark.soak)]
_LONG: list[Step] = [
    step for number in range(30) for step in (f"word {number} ", Pause(seconds=0.004))
]
SCRIPT = Script(
    [
        Rule(prompt="overload", steps=[Status(code=503)]),
        Rule(prompt="crack", steps=[*_LONG[:9], Cut()]),
        Rule(prompt="stumble", steps=[*_LONG[:9], NakedError()]),
        Rule(prompt="break off", steps=[*_LONG[:9], NoFinish()]),
        Rule(prompt="talk", steps=_LONG),
    ]
)
PROMPTS = ("talk", "talk", "talk", "Count to five", "overload", "crack", "stumble", "break off")


@pytest.mark.parametrize("cycles", _CYCLES)
async def test_a_relay_that_is_killed_loses_and_doubles_nothing(
    tmp_path: Path, cycles: int
) -> None:
    chance = random.Random(cycles)
    rowdies = Rowdies(chance, PROMPTS)
    journal, books = tmp_path / "journal.jsonl", tmp_path / "books.sqlite3"
    emulator = Emulator(SCRIPT, journal=journal)
    with ExitStack() as stack:
        url = stack.enter_context(beside(serving(emulator)))
        config = relay_file(tmp_path, [url, url])
        for _ in range(cycles):
            async with relay_process(config) as relay, rowdies.at(relay):
                await asyncio.sleep(chance.uniform(0.0, 0.4))
                await relay.kill()
        await _swept(books, config, rowdies)
    rows = read_books(books)
    assert broken_laws(read_journal(journal), rows, seen=rowdies.seen) == []
    # That all of it happened at all.
    statuses = {row["status"] for row in rows}
    assert {"ok", "unknown", "client_cancel", "upstream_error", "truncated"} <= statuses
    assert {row["surface"] for row in rows} == {"gemini", "openai", "anthropic"}
    assert {row["attempt_no"] for row in rows} >= {1, 2}
    assert rowdies.whole and len(rows) > cycles


async def _swept(books: Path, config: Path, rowdies: Rowdies) -> None:
    """Let half a minute pass for the dead, and serve once more: their rows are closed."""
    with closing(sqlite3.connect(books)) as connection:
        connection.execute("UPDATE replicas SET heartbeat = 0")
        connection.commit()
    async with relay_process(config) as relay:
        for _ in itertools.repeat(None, 5):
            await rowdies.call(relay)
        assert await relay.leave() == 0
