"""The machine's books in real processes: killed, forked, ended, and all at once."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gemstream.limits.sqlite_store import SQLiteStore
from gemstream.policy.limit.claim import Claim, Kind, Limit, Unit
from support.limit_clock import AheadClock

LONG = 60.0
CLAIMS = (
    Claim("slot", "concurrency", Limit(Kind.SLOTS, 1), Unit.RUNNING),
    Claim("rpd", "rpd", Limit(Kind.DAILY, 250)),
)
# What every program begins with.
_BEGIN = """
import asyncio, json, os, sys, time
from pathlib import Path
from gemstream.limits.sqlite_store import SQLiteStore
from gemstream.policy.limit.claim import Claim, Kind, Limit, Spent, Unit, Wait

CLAIMS = (
    Claim("slot", "concurrency", Limit(Kind.SLOTS, 1), Unit.RUNNING),
    Claim("rpd", "rpd", Limit(Kind.DAILY, 250)),
)

async def take(store, claims=CLAIMS):
    name = store.new_name()
    return name, await store.reserve(name, claims)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _BEGIN + program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "limits.sqlite3"


def used(path: Path, ahead: float = 0.0) -> list[int]:
    """Return what a process that comes now, or so many seconds later, finds used."""

    async def ask() -> list[int]:
        store = SQLiteStore(path, clock=AheadClock(ahead))
        levels = await store.levels(CLAIMS)
        await store.aclose()
        return [level.used for level in levels]

    return asyncio.run(ask())


_HOLD = """
async def main():
    store = SQLiteStore(Path(sys.argv[1]), lease=float(sys.argv[2]))
    _, verdict = await take(store)
    assert verdict is None
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no SIGKILL")
def test_a_killed_process_frees_its_slot_within_the_lease(path: Path) -> None:
    with start(_HOLD, path, 3600) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait(LONG)
    assert used(path) == [1, 1], "nobody can know yet that it is dead"
    assert used(path, ahead=3601) == [0, 1]
    assert used(path) == [0, 1], "it was settled, and stays so"


def test_a_living_process_renews_its_lease(path: Path) -> None:
    def renewed() -> int:
        rows = sqlite3.connect(path, timeout=LONG)
        (at,) = rows.execute("SELECT renewed FROM holders").fetchone()
        rows.close()
        return int(at)

    with start(_HOLD, path, 0.3) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        first, deadline = renewed(), time.monotonic() + LONG
        while renewed() == first:
            assert time.monotonic() < deadline, "no heartbeat"
        holder.communicate(timeout=LONG)


def test_a_process_that_ends_without_closing_settles_first(path: Path) -> None:
    program = """
store = SQLiteStore(Path(sys.argv[1]))
name, verdict = asyncio.run(take(store))
assert verdict is None
if sys.argv[2] == "settled":
    store.settle(name, CLAIMS, Spent())
"""
    for way, left in (("settled", [0, 0]), ("left open", [0, 1])):
        with start(program, path, way) as process:
            process.communicate(timeout=LONG)
        assert process.returncode == 0
        assert used(path) == left


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not fork")
def test_a_forked_child_holds_nothing_of_its_parents(path: Path) -> None:
    program = """
store = SQLiteStore(Path(sys.argv[1]))
name, verdict = asyncio.run(take(store))
assert verdict is None
child = os.fork()
if child == 0:
    store.settle(name, CLAIMS, Spent(1))  # as what it inherited does when it is collected
    _, verdict = asyncio.run(take(store))
    assert isinstance(verdict, Wait), "the parent's slot was freed"
    asyncio.run(store.aclose())
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
store.settle(name, CLAIMS, Spent(1))
_, verdict = asyncio.run(take(store))
assert verdict is None
asyncio.run(store.aclose())
"""
    with start(program, path) as process:
        process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert used(path) == [0, 2]


_HAMMER = """
LIMITS = (
    Claim("window", "rpm", Limit(Kind.WINDOW, 20, period=50_000)),
    Claim("slots", "concurrency", Limit(Kind.SLOTS, 3), Unit.RUNNING),
)

async def one(store, log):
    while True:
        name, verdict = await take(store, LIMITS)
        if verdict is None:
            break
        wait = 1000 if verdict.until is None else max(0, verdict.until - store.moment().now)
        await asyncio.sleep(wait / 1e6)
    began = time.monotonic_ns()
    await asyncio.sleep(0)
    ended = time.monotonic_ns()
    store.stamp(name, LIMITS)
    store.settle(name, LIMITS, Spent(1))
    log.append((began, ended))

async def main():
    store, log = SQLiteStore(Path(sys.argv[1]), patience=60), []
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(25):
        await asyncio.gather(*(one(store, log) for _ in range(4)))
    await store.aclose()
    print(json.dumps(log))

asyncio.run(main())
"""


def test_four_processes_on_one_limit_never_admit_too_many(path: Path) -> None:
    processes = [start(_HAMMER, path) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    log = list[tuple[int, int]]()
    for process in processes:
        log += json.loads(process.communicate(timeout=LONG)[0])
        assert process.returncode == 0
    assert len(log) == 400
    # The service may have counted each at any moment between its beginning and its end.
    counted = sorted(ended for _, ended in log)
    for start_at in counted:
        assert sum(start_at <= at < start_at + 50_000_000 for at in counted) <= 20
    for at, _ in log:
        assert sum(began <= at < ended for began, ended in log) <= 3
