"""Waiters of several event loops in one row: a loop that stands still holds nobody up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gemstream import Limits
from gemstream.limits.ask import Ask
from gemstream.limits.clock import Clock
from gemstream.limits.lane import Lane
from gemstream.limits.memory_store import MemoryStore
from gemstream.limits.reservation import Reservation
from gemstream.policy.limit.claim import Moment, Spent


class SetClock(Clock):
    """A clock that stands where it was set."""

    now = 0

    def moment(self) -> Moment:
        return Moment(self.now, self.now)


ONE = Ask(limits=Limits(concurrency=1))


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Iterator[Callable[[], asyncio.AbstractEventLoop]]:
    """Give what makes event loops, all closed in the end."""
    made: list[asyncio.AbstractEventLoop] = []
    module = pytest.importorskip("uvloop") if request.param == "uvloop" else asyncio

    def make() -> asyncio.AbstractEventLoop:
        made.append(module.new_event_loop())
        return made[-1]

    yield make
    for loop in made:
        loop.close()


def _end(reservation: Reservation) -> None:
    reservation.settle(Spent(1, 0))


async def _wait_in(lane: Lane) -> asyncio.Task[Reservation]:
    task = asyncio.ensure_future(lane.reserve(ONE))
    await asyncio.sleep(0)
    assert lane.waiting
    return task


async def _soon(lane: Lane) -> Reservation:
    async with asyncio.timeout(10):
        return await lane.reserve(ONE)


def test_a_waiter_whose_loop_stands_still_is_passed_and_comes_back(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    lane = Lane("a", MemoryStore())
    one, other = new_loop(), new_loop()
    running = one.run_until_complete(lane.reserve(ONE))
    waiting = one.run_until_complete(_wait_in(lane))  # `one` runs no more, for now
    _end(running)
    second = other.run_until_complete(_soon(lane))
    _end(second)
    _end(one.run_until_complete(asyncio.wait_for(waiting, 10)))
    assert lane.waiting == 0


def test_who_comes_behind_a_loop_that_stands_still_is_not_held_up(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    lane = Lane("a", MemoryStore())
    one, other = new_loop(), new_loop()
    running = other.run_until_complete(lane.reserve(ONE))
    waiting = one.run_until_complete(_wait_in(lane))

    async def scene() -> None:
        mine = asyncio.ensure_future(_soon(lane))
        await asyncio.sleep(0)
        assert lane.waiting
        _end(running)
        _end(await mine)

    other.run_until_complete(scene())
    _end(one.run_until_complete(asyncio.wait_for(waiting, 10)))
    assert lane.waiting == 0


def test_a_waiter_whose_loop_was_closed_is_passed(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    lane = Lane("a", MemoryStore())
    one, other = new_loop(), new_loop()
    running = other.run_until_complete(lane.reserve(ONE))

    async def wait() -> None:
        await lane.reserve(ONE)

    waiter = wait()
    one.run_until_complete(_begun(waiter))
    one.close()
    _end(running)
    _end(other.run_until_complete(_soon(lane)))
    waiter.close()
    assert lane.waiting == 0


def test_who_may_not_wait_is_not_turned_away_for_waiters_of_a_closed_loop(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    clock = SetClock()
    lane = Lane("a", MemoryStore(clock))
    ask = Ask(limits=Limits(rpm=1), patience=0)
    one, other = new_loop(), new_loop()
    other.run_until_complete(lane.reserve(ask)).stamp()
    waiters = [lane.reserve(Ask(limits=ask.limits)) for _ in range(3)]
    for waiter in waiters:
        one.run_until_complete(_begun(waiter))
    one.close()
    clock.now += 61_000_000
    _end(other.run_until_complete(lane.reserve(ask)))
    for waiter in waiters:
        waiter.close()
    assert lane.waiting == 0


async def _begun(coroutine: Any) -> None:
    coroutine.send(None)


def test_a_waiter_that_is_dropped_gives_its_place_to_the_next(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    lane = Lane("a", MemoryStore())

    async def scene() -> None:
        running = await lane.reserve(ONE)
        dropped = lane.reserve(ONE)
        await _begun(dropped)
        next_one = asyncio.ensure_future(_soon(lane))
        await asyncio.sleep(0)
        assert lane.waiting == 2
        _end(running)  # wakes who is dropped
        dropped.close()
        _end(await next_one)

    new_loop().run_until_complete(scene())


def test_a_loop_that_stops_as_its_waiter_is_woken_is_passed(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    lane = Lane("a", MemoryStore())
    one, other = new_loop(), new_loop()
    running = other.run_until_complete(lane.reserve(ONE))
    waiting: list[asyncio.Task[Reservation]] = []

    async def begin() -> None:
        waiting.append(await _wait_in(lane))

    def stop_and_wake() -> None:
        one.stop()
        _end(running)  # wakes who stands first, whose loop runs for this turn only

    async def scene() -> None:
        mine = asyncio.ensure_future(_soon(lane))
        await asyncio.sleep(0)
        assert lane.waiting == 2
        one.call_soon_threadsafe(stop_and_wake)
        _end(await mine)

    thread = threading.Thread(target=one.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(begin(), one).result(10)
    other.run_until_complete(scene())
    thread.join()
    _end(one.run_until_complete(asyncio.wait_for(waiting[0], 10)))
