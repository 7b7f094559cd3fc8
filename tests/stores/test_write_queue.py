"""Units that wait go together, one transaction at a time, and their number is bounded."""

from __future__ import annotations

import asyncio

import pytest

from gemstream.errors import InvalidState, StoreUnavailable
from gemstream.stores.statement import Outcome, Statement, Unit
from gemstream.stores.write_queue import MAX_QUEUED, MAX_TOGETHER, WriteQueue

ONE = Statement("SELECT 1")


class Engine:
    """Commits when it is let."""

    def __init__(self) -> None:
        self.sizes = list[int]()
        self.go = asyncio.Event()

    async def commit(self, units: list[Unit]) -> list[Outcome]:
        self.sizes.append(len(units))
        await self.go.wait()
        return [[[(1,)]] for _ in units]


async def test_what_waits_during_a_transaction_shares_the_next() -> None:
    engine = Engine()
    queue = WriteQueue(engine.commit, "it")
    first = queue.submit(ONE)
    await asyncio.sleep(0)
    rest = [queue.submit(ONE) for _ in range(MAX_TOGETHER + 10)]
    assert engine.sizes == [1]
    engine.go.set()
    assert await asyncio.gather(first, *rest) == [[[(1,)]]] * (MAX_TOGETHER + 11)
    assert engine.sizes == [1, MAX_TOGETHER, 10]
    await queue.aclose()


async def test_more_than_can_be_held_are_refused() -> None:
    engine = Engine()
    queue = WriteQueue(engine.commit, "it")
    futures = [queue.submit(ONE) for _ in range(MAX_QUEUED)]
    with pytest.raises(StoreUnavailable, match="it is too slow: 65,536 units wait"):
        queue.submit(ONE)
    engine.go.set()
    await queue.aclose()
    assert all(future.done() for future in futures)
    with pytest.raises(InvalidState, match="it was closed"):
        queue.submit(ONE)


async def test_a_transaction_that_fails_is_told_to_all_of_it_and_to_nobody_else() -> None:
    failures = [StoreUnavailable("away")]

    async def commit(units: list[Unit]) -> list[Outcome]:
        if failures:
            raise failures.pop()
        return [[] for _ in units]

    queue = WriteQueue(commit, "it")
    outcomes = await asyncio.gather(queue.run(ONE), queue.run(ONE), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["away", "away"]
    assert await queue.run(ONE) == []
    await queue.aclose()
    await queue.aclose()


async def test_a_future_that_its_owner_cancelled_disturbs_nobody() -> None:
    engine = Engine()
    engine.go.set()
    queue = WriteQueue(engine.commit, "it")
    cancelled, other = queue.submit(ONE), queue.submit(ONE)
    cancelled.cancel()
    assert await other == [[(1,)]]
    await queue.aclose()
