"""The lanes of a process: as many as are used, one for each scope, and none over a fork."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc

import pytest

from gemstream.config.limits import Limits
from gemstream.limits.ask import Ask
from gemstream.limits.lane import Lane
from gemstream.limits.lanes import Lanes, process_lanes
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.limit.claim import MICROSECONDS, Spent
from support.clock import in_no_time
from support.limit_clock import NOON, LoopClock, SetClock

ALL = Ask(limits=Limits(rpm=10, tpm=1000, rpd=250, concurrency=2), tokens=10)


async def fail_unsent(lane: Lane) -> None:
    (await lane.reserve(ALL)).settle(Spent())


async def succeed(lane: Lane) -> None:
    taken = await lane.reserve(Ask(limits=Limits(rpm=10, tpm=1000, concurrency=2), tokens=10))
    taken.stamp()
    taken.settle(Spent(1, 10))


async def many_scopes(lanes: Lanes, clock: SetClock, first: int, last: int) -> None:
    for number in range(first, last):
        await (succeed if number % 2 else fail_unsent)(lanes.of(f"account|model-{number}"))
        clock.go(1)


def grown(first: int, last: int, wall: int = NOON) -> int:
    """Return by how many bytes memory is more after ``last`` names than after ``first``.

    ``wall``: when it begins, in microseconds since 1970.
    """

    async def main() -> int:
        clock = SetClock(wall)
        lanes = Lanes(MemoryStore(clock))
        tracemalloc.start()
        try:
            await many_scopes(lanes, clock, 0, first)
            before, _ = tracemalloc.get_traced_memory()
            await many_scopes(lanes, clock, first, last)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # A minute of names, each with what it used a minute ago at most.
        assert len(lanes) < 200
        return after - before

    return asyncio.run(main())


@pytest.mark.parametrize("hours", [0, 12, 23])
def test_memory_follows_use_and_not_the_number_of_names(hours: int) -> None:
    """At any hour in California: a day of requests begins at its midnight."""
    wall = NOON + (hours - 12) * 3600 * MICROSECONDS
    grows = grown(1_000, 5_000, wall)
    assert grows < 100_000, "four thousand names more, and memory grew by them"


@pytest.mark.soak
def test_a_million_names_leave_memory_flat() -> None:
    assert grown(10_000, 1_000_000) < 100_000


def test_a_lane_that_somebody_still_has_is_not_made_twice() -> None:
    async def main() -> None:
        lanes = Lanes(MemoryStore(LoopClock()))
        ask = Ask(limits=Limits(concurrency=1))
        mine = lanes.of("scope")
        for number in range(5):
            lanes.of(str(number))
        theirs = await lanes.of("scope").reserve(ask)
        waiting = asyncio.create_task(mine.reserve(ask))
        await asyncio.sleep(1)
        theirs.settle(Spent(1))
        async with asyncio.timeout(60):
            (await waiting).settle(Spent(1))

    in_no_time(main())


def test_a_lane_with_something_to_remember_stays() -> None:
    async def main() -> None:
        lanes = Lanes(MemoryStore(SetClock()))
        kept = lanes.of("kept")
        taken = await kept.reserve(ALL)
        number = id(kept)
        taken.settle(Spent(1, 10))
        del kept, taken
        for other in range(50):
            await fail_unsent(lanes.of(str(other)))
        assert id(lanes.of("kept")) == number
        assert (await lanes.store.levels(lanes.of("kept").claims(ALL)))[1].used == 1

    asyncio.run(main())


_FORK = """
import asyncio, os, sys
from gemstream.config.limits import Limits
from gemstream.limits.ask import Ask
from gemstream.limits.lanes import process_lanes
from gemstream.policy.limit.claim import Spent

ask = Ask(limits=Limits(concurrency=1), patience=0)

async def take():
    return await process_lanes().of("scope").reserve(ask)

lanes, taken = process_lanes(), asyncio.run(take())
child = os.fork()
if child == 0:
    assert len(lanes) == 0
    asyncio.run(take()).settle(Spent(1))
    taken.settle(Spent(1))
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
try:
    asyncio.run(take())
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not fork")
def test_a_forked_child_starts_with_empty_books() -> None:
    run = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (0, "RateLimited\n"), run.stderr


def test_the_clients_of_a_process_share_its_lanes() -> None:
    assert process_lanes() is process_lanes()
