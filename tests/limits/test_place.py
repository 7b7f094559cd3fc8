"""A waiter's place: woken before it sleeps, while it does, from other threads, and after all."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gemstream.limits.place import Place
from support.clock import in_no_time


def test_a_wake_that_comes_first_is_not_lost() -> None:
    async def main() -> None:
        place = Place()
        assert place.wake()
        await asyncio.sleep(0)  # whom it could have woken is not there yet
        async with asyncio.timeout(1):
            await place.sleep()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await place.sleep()

    in_no_time(main())


def test_it_sleeps_no_longer_than_it_is_told() -> None:
    async def main() -> float:
        await Place().sleep(5)
        return asyncio.get_running_loop().time()

    assert in_no_time(main()) == pytest.approx(5)


def test_a_cancelled_sleep_leaves_a_place_that_can_be_woken() -> None:
    async def main() -> None:
        place = Place()
        task = asyncio.create_task(place.sleep(100))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert place.wake()
        async with asyncio.timeout(1):
            await place.sleep()

    in_no_time(main())


def test_every_wake_from_another_thread_ends_a_sleep() -> None:
    async def main() -> None:
        place, slept = Place(), threading.Semaphore(0)

        def wake() -> None:
            for _ in range(500):
                place.wake()
                slept.acquire(timeout=60)

        waker = threading.Thread(target=wake, daemon=True)
        waker.start()
        async with asyncio.timeout(60):
            for _ in range(500):
                await place.sleep()
                slept.release()
        waker.join(60)

    asyncio.run(main())


def test_a_place_of_a_closed_loop_says_so() -> None:
    async def main() -> Place:
        return Place()

    place = asyncio.run(main())
    assert place.is_idle
    assert not place.wake()
