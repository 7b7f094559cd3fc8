"""One lane for each scope, whoever asks for it and whenever: two would not wake each other."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import Any

import pytest

from gemstream import Limits
from gemstream.limits.ask import Ask
from gemstream.limits.lanes import Lanes, lanes_in, lanes_of, process_lanes
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.limit.claim import Spent

ONE = Ask(limits=Limits(concurrency=1))


def test_a_dropped_lane_that_somebody_still_has_is_the_one_that_others_get() -> None:
    lanes = Lanes(MemoryStore())
    mine = lanes.of("mine")  # about to be used; idle, so the next name drops it
    lanes.of("other")
    lanes.of("another")
    assert lanes.of("mine") is mine


async def test_who_waits_in_a_dropped_lane_is_woken() -> None:
    lanes = Lanes(MemoryStore())
    mine = lanes.of("mine")
    for name in "abc":
        lanes.of(name)
    running = await lanes.of("mine").reserve(ONE)
    waiting = asyncio.ensure_future(mine.reserve(ONE))
    await asyncio.sleep(0)
    running.settle(Spent(1, 0))
    (await waiting).settle(Spent(1, 0))


def test_lanes_that_nobody_has_are_gone() -> None:
    lanes = Lanes(MemoryStore())
    for number in range(10_000):
        lanes.of(f"model-{number}")
    gc.collect()
    assert len(lanes) <= 3


def test_lanes_in_one_store_are_one() -> None:
    store = MemoryStore()
    assert lanes_in(store) is lanes_in(store)
    assert lanes_in(store) is not lanes_in(MemoryStore())


def test_a_world_has_its_own_lanes() -> None:
    class World:
        pass

    world = World()
    assert lanes_of(world) is lanes_of(world)
    assert lanes_of(world) is not lanes_of(World())
    assert lanes_of(world) is not process_lanes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_finds_nothing_running_also_in_lanes_made_before(tmp_path: Any) -> None:
    lanes = Lanes(MemoryStore())
    asyncio.run(_take(lanes))
    told = tmp_path / "told"
    child = os.fork()
    if not child:
        try:
            asyncio.run(_take(lanes))
            told.write_text("taken")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert told.read_text() == "taken"
    assert asyncio.run(_levels(lanes)) == 1  # in the parent it still runs


async def _take(lanes: Lanes) -> None:
    await asyncio.wait_for(lanes.of("a").reserve(ONE), 10)


async def _levels(lanes: Lanes) -> int:
    lane = lanes.of("a")
    return sum(level.used for level in await lanes.store.levels(lane.claims(ONE)))
