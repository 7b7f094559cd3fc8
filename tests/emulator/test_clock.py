"""The clock: runs at its scale, jumps when told, and wakes who is due wherever they sleep."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gemstream.emulator import Clock
from gemstream.errors import ConfigError
from support.clock import ImpatientLoop, in_no_time

NEVER = [-1, float("nan"), float("inf")]


@pytest.mark.parametrize("number", NEVER)
def test_only_a_time_that_can_pass_is_taken(number: float) -> None:
    with pytest.raises(ConfigError, match="time scale"):
        Clock(scale=number)
    with pytest.raises(ConfigError, match="forward"):
        Clock().advance(number)


def test_at_scale_0_only_an_advance_moves_it() -> None:
    clock = Clock(scale=0, start=1_700_000_000)
    assert clock.now() == 1_700_000_000
    for _ in range(10):
        clock.advance(0.1)
    assert clock.now_ns() == 1_700_000_001 * 10**9  # exact: no float has added up


def test_a_running_clock_runs() -> None:
    clock = Clock(scale=1000)
    before = clock.now()
    while clock.now() == before:
        pass
    assert clock.now() > before


@pytest.mark.parametrize(("scale", "waited"), [(1, 3600), (60, 60), (0.5, 7200)])
def test_sleep_takes_its_seconds_of_this_clock(scale: float, waited: float) -> None:
    async def scene() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ImpatientLoop)
        await Clock(scale=scale).sleep(3600)
        return loop.skipped

    assert in_no_time(scene()) == pytest.approx(waited)


async def sleeping(clock: Clock, *times: float) -> tuple[list[float], list[asyncio.Task[None]]]:
    """Let sleepers sleep and return who woke, in order, and their tasks."""
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in times]
    await asyncio.sleep(0)
    return woken, tasks


async def test_an_advance_wakes_who_is_due_and_nobody_else() -> None:
    clock = Clock(scale=0)
    woken, tasks = await sleeping(clock, 3, 1, 2, 5)
    clock.advance(3)
    await asyncio.gather(*tasks[:3])
    assert woken == [1, 2, 3] and not tasks[3].done()
    clock.advance(2)
    await tasks[3]


async def test_no_time_is_no_wait() -> None:
    await Clock(scale=0).sleep(0)


def test_an_advance_shortens_what_is_left() -> None:
    async def scene() -> float:
        clock, loop = Clock(), asyncio.get_running_loop()
        assert isinstance(loop, ImpatientLoop)
        loop.call_soon(lambda: loop.call_soon(clock.advance, 900))
        await clock.sleep(1000)
        return loop.skipped

    assert 50 < in_no_time(scene()) <= 100


async def test_a_sleeper_that_left_is_not_woken() -> None:
    clock = Clock(scale=0)
    woken, (leaver, stayer) = await sleeping(clock, 1, 1)
    clock.advance(1)
    leaver.cancel()
    await asyncio.wait([leaver, stayer])
    assert leaver.cancelled() and woken == [1]


async def test_an_alarm_is_off_after_its_block() -> None:
    clock, rung = Clock(scale=0), []
    with clock.alarm(1, lambda: rung.append("a")):
        clock.advance(1)
        await asyncio.sleep(0)
    with clock.alarm(1, lambda: rung.append("b")):
        clock.advance(1)
    await asyncio.sleep(0)
    assert rung == ["a"]


async def test_sleepers_of_another_thread_are_woken() -> None:
    clock, asleep = Clock(scale=0), threading.Event()

    async def scene() -> list[float]:
        woken, tasks = await sleeping(clock, 1, 2)
        asleep.set()
        await asyncio.gather(*tasks)
        return woken

    running = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(scene())))
    await asyncio.to_thread(asleep.wait)
    clock.advance(2)
    assert await running == [1, 2]


async def test_a_loop_that_has_closed_keeps_nobody_from_waking() -> None:
    clock = Clock(scale=0)

    def leave_one_asleep() -> asyncio.Task[None]:
        loop = asyncio.new_event_loop()
        left = loop.create_task(clock.sleep(1))
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        return left

    left = await asyncio.to_thread(leave_one_asleep)
    woken, (here,) = await sleeping(clock, 1)
    clock.advance(1)
    await here
    assert woken == [1] and not left.done()
