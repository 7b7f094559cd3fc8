"""The books in memory when a settlement comes from where nobody expects it."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator, Sequence

from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.limit.claim import Claim, Kind, Limit, Moment, Spent, Unit
from support.limit_clock import SetClock

SLOT = (Claim("slot", "concurrency", Limit(Kind.SLOTS, 1), Unit.RUNNING),)
RPM = (Claim("rpm", "rpm", Limit(Kind.WINDOW, 1)),)


class _Dropped:
    """Something that settles as it is collected, as a stream that nobody closed does."""

    def __init__(self, store: MemoryStore, name: str, claims: Sequence[Claim]) -> None:
        self._all = (store, name, claims)
        self.itself = self

    def __del__(self) -> None:
        store, name, claims = self._all
        store.settle(name, claims, Spent(1))


class _CollectingClock(SetClock):
    """Collects garbage whenever it is asked, so with the lock of the books held."""

    __slots__ = ("collected",)

    def __init__(self) -> None:
        super().__init__()
        self.collected = 0

    def moment(self) -> Moment:
        self.collected += gc.collect()
        return super().moment()


def test_a_destructor_that_runs_inside_reserve_neither_hangs_nor_is_lost() -> None:
    async def main() -> None:
        clock = _CollectingClock()
        store = MemoryStore(clock)
        for number in range(20):
            name = str(number)
            # The one before is collected as the books are asked: before they decide, or after.
            if await store.reserve(name, SLOT) is not None:
                assert await store.reserve(name, SLOT) is None
            _Dropped(store, name, SLOT)
        assert clock.collected >= 20
        gc.collect()
        assert [level.used for level in await store.levels(SLOT)] == [0]

    worker = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    gc.freeze()  # all that is there already need not be looked at forty times
    try:
        worker.start()
        worker.join(60)
    finally:
        gc.unfreeze()
    assert not worker.is_alive(), "the destructor waits for the lock that its own thread holds"


class _Stamping(tuple[Claim, ...]):
    """Claims that stamp another request whenever the books look at them."""

    on_look: Callable[[], None]

    def __iter__(self) -> Iterator[Claim]:
        self.on_look()
        return super().__iter__()


def test_what_is_settled_while_the_lock_is_taken_counts_from_then_on() -> None:
    async def main() -> None:
        clock = SetClock()
        store = MemoryStore(clock)
        assert await store.reserve("first", RPM) is None
        claims = _Stamping(RPM)
        claims.on_look = lambda: store.stamp("first", RPM)
        assert await store.reserve("second", claims) is not None
        clock.go(60)
        assert await store.reserve("third", RPM) is None

    asyncio.run(main())


def test_each_request_has_a_name_of_its_own() -> None:
    store, names = MemoryStore(), list[list[str]]([] for _ in range(8))

    def take(mine: list[str]) -> None:
        mine.extend(store.new_name() for _ in range(1000))

    threads = [threading.Thread(target=take, args=(mine,)) for mine in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({name for mine in names for name in mine}) == 8000
