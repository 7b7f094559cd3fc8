"""A process that is killed at any moment loses no attempt that it sent, and doubles none."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from gemstream.relay.ledger.sweeper import sweep
from gemstream.stores.database import Database, Statement
from support import ledger_child

_CYCLES = [pytest.param(6), pytest.param(200, marks=pytest.mark.soak)]


class Told:
    """What killed processes said that they had done."""

    def __init__(self) -> None:
        self.sent = set[str]()
        self.noted = set[str]()
        self.settled = set[str]()

    def take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            what, _, name = line.decode().partition(" ")
            if line.endswith(b"\n"):
                getattr(self, what).add(name.strip())


async def run_and_kill(url: str, replica: str, spill: Path, lines: int) -> list[bytes]:
    """Run a process, kill it once it has said so many lines, and return all that it said."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ledger_child.__file__),
        url,
        replica,
        str(spill),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    said = [await child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    said += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    return said


@pytest.mark.parametrize("cycles", _CYCLES)
async def test_a_process_killed_at_any_moment_loses_and_doubles_nothing(
    books: Database, database_url: str, tmp_path: Path, cycles: int
) -> None:
    chance, told = random.Random(cycles), Told()
    for cycle in range(cycles):
        lines = chance.randint(1, 120)
        told.take(await run_and_kill(database_url, f"r{cycle}", tmp_path, lines))
        rows = await books.fetch("SELECT count(*) FROM attempts WHERE status = 'open'")
        assert rows[0][0] <= 8 * (cycle + 1)
    await books.run(Statement("UPDATE replicas SET heartbeat = 0"))  # half a minute passes
    await sweep(books)

    found = await books.fetch("SELECT request_id, status, cost, candidates_tokens FROM attempts")
    rows_of = {name: (status, cost, tokens) for name, status, cost, tokens in found}
    assert len(rows_of) == len(found)
    assert told.sent <= rows_of.keys()
    assert {status for status, *_ in rows_of.values()} <= {"ok", "unknown"}
    assert all(rows_of[name] == ("ok", 12, 7) for name in told.settled)
    assert all(cost == 12 for status, cost, _ in rows_of.values() if status == "ok")
    assert all(rows_of[name][2] >= 4 for name in told.noted)
    # A row that was not sent: its process died in between, and it says so.
    assert all(rows_of[name][0] == "unknown" for name in rows_of.keys() - told.sent)
    assert len(rows_of.keys() - told.sent) <= 8 * cycles
    assert told.settled and told.noted
