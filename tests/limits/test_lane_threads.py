"""One lane in many threads and event loops: in order, no more than allowed, nobody forgotten."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from gemstream.config.limits import Limits
from gemstream.errors import RateLimited
from gemstream.limits.ask import Ask
from gemstream.limits.lane import Lane
from gemstream.limits.lanes import Lanes
from gemstream.limits.memory_store import MemoryStore
from gemstream.limits.reservation import Reservation
from gemstream.policy.limit.claim import Spent
from support.clock import ImpatientLoop, in_no_time
from support.limit_clock import LoopClock

THREADS = 8
LONG = 120.0  # a hang is a failure; nothing here waits for a clock


def in_threads(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Run ``work`` in so many threads at once, each with its number, and raise what one raised."""
    failures = list[BaseException]()
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        try:
            start.wait(LONG)
            work(number)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(LONG)
    assert not any(worker.is_alive() for worker in workers), "a thread hangs"
    if failures:
        raise failures[0]


class Running:
    """How many run at this moment, and did at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = self.all = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.all += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self.now -= 1


@pytest.mark.parametrize("concurrency", [1, 3])
def test_many_loops_hammer_one_lane(concurrency: int) -> None:
    lane = Lane("s", MemoryStore())
    ask, running = Ask(limits=Limits(concurrency=concurrency)), Running()

    async def one(number: int) -> None:
        for turn in range(5):
            taken = await lane.reserve(ask)
            with running:
                if (number + turn) % 3:
                    await asyncio.sleep(0)
            taken.stamp()
            taken.settle(Spent(1))

    async def many() -> None:
        async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(one(number))

    in_threads(lambda _: asyncio.run(many()))
    assert running.most <= concurrency
    assert running.all == THREADS * 30 * 5
    assert lane.waiting == 0


def test_cancels_and_deadlines_among_many_loops_lose_no_slot() -> None:
    lane = Lane("s", MemoryStore())
    patient = Ask(limits=Limits(concurrency=2))
    hasty = Ask(limits=Limits(concurrency=2), patience=0.001)
    running = Running()

    async def one(number: int) -> None:
        try:
            taken = await lane.reserve(hasty if number % 3 == 0 else patient)
        except RateLimited:
            return
        try:
            with running:
                await asyncio.sleep(0)
        finally:
            taken.settle(Spent(1))

    async def many() -> None:
        async with asyncio.timeout(LONG):
            tasks = [asyncio.create_task(one(number)) for number in range(60)]
            for number, task in enumerate(tasks):
                if number % 3 == 1:
                    task.cancel()
                await asyncio.sleep(0)
            await asyncio.wait(tasks)
            assert all(task.cancelled() or task.exception() is None for task in tasks)

    in_threads(lambda _: asyncio.run(many()))
    assert running.most <= 2
    assert lane.waiting == 0

    async def both_slots_are_there() -> None:
        now = Ask(limits=Limits(concurrency=2), patience=0)
        for taken in [await lane.reserve(now), await lane.reserve(now)]:
            taken.settle(Spent())

    asyncio.run(both_slots_are_there())


def test_who_came_first_goes_first_whatever_the_loop() -> None:
    lane, ask, order = Lane("s", MemoryStore()), Ask(limits=Limits(concurrency=1)), list[int]()
    queued = [threading.Event() for _ in range(THREADS)]

    async def hold() -> Reservation:
        return await lane.reserve(ask)

    async def wait(number: int) -> None:
        task = asyncio.create_task(lane.reserve(ask))
        await asyncio.sleep(0)
        assert lane.waiting == number + 1
        queued[number].set()
        taken = await task
        order.append(number)
        taken.settle(Spent(1))

    running = asyncio.run(hold())
    threads = []
    for number in range(THREADS):
        thread = threading.Thread(target=asyncio.run, args=(wait(number),), daemon=True)
        thread.start()
        assert queued[number].wait(LONG)
        threads.append(thread)
    running.settle(Spent(1))
    for thread in threads:
        thread.join(LONG)
    assert order == list(range(THREADS))


def closed_with_waiters(lane: Lane, ask: Ask) -> asyncio.Task[Reservation]:
    """Leave a waiter first in the row whose event loop is closed; nobody cancels it."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(lane.reserve(ask))
    loop.run_until_complete(asyncio.sleep(0))
    assert lane.waiting == 1
    loop.close()
    return task


def bury(task: asyncio.Task[Reservation]) -> None:
    """Keep a task that can never end from complaining about it."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_loop_that_closed_with_waiters_is_passed_over_by_a_settlement() -> None:
    async def main() -> None:
        lane, ask = Lane("s", MemoryStore()), Ask(limits=Limits(concurrency=1))
        running = await lane.reserve(ask)
        task = await asyncio.to_thread(closed_with_waiters, lane, ask)
        behind = asyncio.create_task(lane.reserve(ask))
        await asyncio.sleep(0)
        running.settle(Spent(1))
        async with asyncio.timeout(LONG):
            (await behind).settle(Spent(1))
        assert lane.waiting == 0
        bury(task)

    asyncio.run(main())


def test_who_stands_behind_a_loop_that_closes_later_is_not_forgotten() -> None:
    """Nobody settles anything here: only time frees the limit, and only the first would look."""
    lane, ask = Lane("s", MemoryStore(LoopClock())), Ask(limits=Limits(rpm=1))
    theirs = ImpatientLoop()
    taken = theirs.run_until_complete(lane.reserve(ask))
    task = theirs.create_task(lane.reserve(ask))
    theirs.run_until_complete(asyncio.sleep(0))

    async def main() -> None:
        taken.stamp()
        taken.settle(Spent(1))
        behind = asyncio.create_task(lane.reserve(ask))
        await asyncio.sleep(0)
        theirs.close()
        async with asyncio.timeout(LONG):
            (await behind).settle(Spent(1))
        bury(task)

    in_no_time(main())


def test_many_threads_get_one_and_the_same_lane() -> None:
    lanes, found = Lanes(MemoryStore()), list[list[Lane]]([] for _ in range(THREADS))

    def ask(number: int) -> None:
        for scope in range(300):
            found[number].append(lanes.of(str(scope)))

    in_threads(ask)
    for of_scope in zip(*found, strict=True):
        assert len({id(lane) for lane in of_scope}) == 1
