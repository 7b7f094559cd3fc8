"""One lane on one event loop: in order, with patience, and with nothing lost to a cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from gemstream.config.limits import Limits
from gemstream.errors import RateLimited, ResourceExhausted
from gemstream.limits.ask import Ask
from gemstream.limits.lane import Lane
from gemstream.limits.memory_store import MemoryStore
from gemstream.limits.reservation import Reservation
from gemstream.policy.limit.claim import Claim, Refused, Spent, Wait
from support.clock import in_no_time
from support.limit_clock import LoopClock

ONE_AT_ONCE = Ask(limits=Limits(concurrency=1))
ONE_A_MINUTE = Ask(limits=Limits(rpm=1))


def impatient(ask: Ask, patience: float = 0) -> Ask:
    return Ask(limits=ask.limits, tokens=ask.tokens, patience=patience)


class FarStore(MemoryStore):
    """Books that are asked and answer over a distance: a cancel may come before and after."""

    __slots__ = ()

    async def reserve(self, name: str, claims: Sequence[Claim]) -> Wait | Refused | None:
        await asyncio.sleep(0)
        verdict = await super().reserve(name, claims)
        await asyncio.sleep(0)
        return verdict


def lane(store: type[MemoryStore] = MemoryStore) -> Lane:
    return Lane("account|model", store(LoopClock()))


def now() -> float:
    return asyncio.get_running_loop().time()


async def spend(taken: Reservation) -> None:
    taken.stamp()
    taken.settle(Spent(1))


async def is_all_there(lane: Lane, ask: Ask) -> bool:
    """Return whether nobody stands in ``lane``, and the limit is as free as when it was new."""
    (await lane.reserve(impatient(ask))).settle(Spent())
    return lane.waiting == 0


@pytest.mark.parametrize("store", [MemoryStore, FarStore])
def test_who_came_first_goes_first(store: type[MemoryStore]) -> None:
    async def main() -> list[int]:
        row, order = lane(store), list[int]()

        async def ask(number: int) -> None:
            taken = await row.reserve(ONE_AT_ONCE)
            order.append(number)
            await asyncio.sleep(1)
            taken.settle(Spent(1))

        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(ask(number))
                await asyncio.sleep(0.01)
        assert await is_all_there(row, ONE_AT_ONCE)
        return order

    assert in_no_time(main()) == list(range(40))


def test_nobody_overtakes_one_who_needs_more() -> None:
    async def main() -> list[str]:
        row, order = lane(), list[str]()
        await spend(await row.reserve(Ask(limits=Limits(tpm=100), tokens=100)))

        async def ask(name: str, tokens: int) -> None:
            await spend(await row.reserve(Ask(limits=Limits(tpm=100), tokens=tokens)))
            order.append(name)

        async with asyncio.TaskGroup() as group:
            for name, tokens in (("large", 90), ("small", 1), ("smaller", 1)):
                group.create_task(ask(name, tokens))
                await asyncio.sleep(0.01)
        return order

    assert in_no_time(main()) == ["large", "small", "smaller"]


def test_ten_a_minute_take_the_minutes_they_take() -> None:
    async def main() -> list[float]:
        row, times = lane(), list[float]()
        for _ in range(31):
            await spend(await row.reserve(Ask(limits=Limits(rpm=10))))
            times.append(now())
        return times

    times = in_no_time(main())
    assert [round(time) for time in times] == [0] * 10 + [60] * 10 + [120] * 10 + [180]
    # Never early, and late by no more than the half millisecond that a timer is given.
    assert all(0 <= time - 60 * (n // 10) < 0.005 for n, time in enumerate(times))


def test_the_second_of_two_waits_and_says_so() -> None:
    async def main() -> list[Any]:
        row, told = lane(), list[Any]()
        ask = Ask(limits=Limits(rpm=1), setting="tier free", told=told.append)
        await spend(await row.reserve(ask))
        await spend(await row.reserve(ask))
        return told

    first, waiting, second = in_no_time(main())
    assert [each.verdict.name for each in (first, waiting, second)] == [
        "GRANTED",
        "WAITING",
        "GRANTED",
    ]
    assert (waiting.quota, waiting.amount, waiting.setting) == ("rpm", 1, "tier free")
    assert waiting.delay == pytest.approx(60)
    assert second.delay == pytest.approx(60, abs=0.01)


@pytest.mark.parametrize(("patience", "left"), [(0, 50.0), (49, 50.0)])
def test_one_who_would_wait_too_long_hears_at_once_when_to_come_back(
    patience: float, left: float
) -> None:
    async def main() -> RateLimited:
        row = lane()
        await spend(await row.reserve(ONE_A_MINUTE))
        await asyncio.sleep(10)
        with pytest.raises(RateLimited) as caught:
            await row.reserve(impatient(ONE_A_MINUTE, patience))
        assert now() == pytest.approx(10)
        await asyncio.sleep(caught.value.retry_delay or 0)
        assert await is_all_there(row, ONE_A_MINUTE)
        return caught.value

    error = in_no_time(main())
    assert error.retry_delay == pytest.approx(left)
    assert (error.quota, error.limit, error.retryable) == ("rpm", 1, True)


def test_a_deadline_ends_a_wait_that_nobody_could_foresee() -> None:
    async def main() -> None:
        row = lane()
        running = await row.reserve(ONE_AT_ONCE)
        with pytest.raises(RateLimited, match=r"limit_wait of 7 s is over"):
            await row.reserve(impatient(ONE_AT_ONCE, 7))
        assert now() == pytest.approx(7)
        running.settle(Spent(1))
        assert await is_all_there(row, ONE_AT_ONCE)

    in_no_time(main())


def test_who_waits_behind_another_has_no_more_patience_for_it() -> None:
    async def main() -> None:
        row = lane()
        await spend(await row.reserve(ONE_A_MINUTE))
        first = asyncio.create_task(row.reserve(ONE_A_MINUTE))
        await asyncio.sleep(1)
        with pytest.raises(RateLimited, match="others wait before it"):
            await row.reserve(impatient(ONE_A_MINUTE))
        with pytest.raises(RateLimited):
            await row.reserve(impatient(ONE_A_MINUTE, 20))
        assert now() == pytest.approx(21)
        await spend(await first)

    in_no_time(main())


def test_a_day_is_not_waited_for_unless_the_caller_says_so() -> None:
    async def main() -> None:
        row, daily = lane(), Ask(limits=Limits(rpd=1))
        await spend(await row.reserve(daily))
        with pytest.raises(RateLimited, match="UTC") as caught:
            await row.reserve(daily)
        assert caught.value.retry_delay == pytest.approx(12 * 3600)  # noon there
        await spend(await row.reserve(impatient(daily, 24 * 3600)))
        assert now() == pytest.approx(12 * 3600)

    in_no_time(main())


def test_what_never_fits_is_refused_and_leaves_nothing() -> None:
    async def main() -> None:
        row, large = lane(), Ask(limits=Limits(tpm=100, concurrency=1), tokens=101)
        with pytest.raises(RateLimited, match="more than there ever is") as caught:
            await row.reserve(large)
        assert not caught.value.retryable
        assert await is_all_there(row, ONE_AT_ONCE)

    in_no_time(main())


@pytest.mark.parametrize("store", [MemoryStore, FarStore])
@pytest.mark.parametrize("settled_at", [0, 1, 2, 3, 4, 5, None])
@pytest.mark.parametrize("cancelled_at", range(12))
def test_a_cancel_at_any_step_loses_no_slot(
    store: type[MemoryStore], cancelled_at: int, settled_at: int | None
) -> None:
    async def main() -> None:
        row = lane(store)
        running = await row.reserve(ONE_AT_ONCE)
        cancelled = asyncio.create_task(row.reserve(ONE_AT_ONCE))
        behind = asyncio.create_task(row.reserve(ONE_AT_ONCE))
        for step in range(12):
            if step == settled_at:
                running.settle(Spent(1))
            if step == cancelled_at:
                cancelled.cancel()
            await asyncio.sleep(0)
        running.settle(Spent(1))
        if not cancelled.cancelled() and cancelled.done():
            cancelled.result().settle(Spent(1))
        async with asyncio.timeout(3600):
            (await behind).settle(Spent(1))
        assert await is_all_there(row, ONE_AT_ONCE)

    in_no_time(main())


@pytest.mark.parametrize("cancelled_at", range(6))
def test_a_cancel_of_the_only_one_gives_back_what_was_taken(cancelled_at: int) -> None:
    async def main() -> None:
        row = lane(FarStore)
        task = asyncio.create_task(row.reserve(ONE_A_MINUTE))
        for _ in range(cancelled_at):
            await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            task.result().settle(Spent())
        assert await is_all_there(row, ONE_A_MINUTE)

    in_no_time(main())


def test_a_thousand_cancelled_waiters_leave_nothing() -> None:
    async def main() -> None:
        row = lane()
        running = await row.reserve(ONE_AT_ONCE)
        tasks = [asyncio.create_task(row.reserve(ONE_AT_ONCE)) for _ in range(1001)]
        await asyncio.sleep(1)
        assert row.waiting == 1001
        for task in tasks[:-1]:
            task.cancel()
        await asyncio.wait(tasks[:-1])
        assert row.waiting == 1
        running.settle(Spent(1))
        (await tasks[-1]).settle(Spent(1))
        assert await is_all_there(row, ONE_AT_ONCE)

    in_no_time(main())


def refused(delay: float) -> ResourceExhausted:
    return ResourceExhausted("slow down", code=429, status="RESOURCE_EXHAUSTED", retry_delay=delay)


def test_a_hold_stops_all_and_lets_them_go_spread_out() -> None:
    async def main() -> list[float]:
        row, ask, times = lane(), Ask(limits=Limits(concurrency=100)), list[float]()
        row.receive_refusal(refused(1), ask)

        async def wait() -> None:
            (await row.reserve(ask)).settle(Spent(1))
            times.append(now())

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(wait())
            await asyncio.sleep(0.5)
            row.receive_refusal(refused(40), ask)
        return times

    times = in_no_time(main())
    assert min(times) >= 40.5
    assert len(set(times)) >= 10, "they woke in one moment"
    assert max(times) <= 40.5 + 0.25 * 40 + 1


def test_a_shorter_hold_does_not_end_a_longer_one() -> None:
    async def main() -> None:
        row, ask = lane(), Ask(limits=Limits(concurrency=9), patience=0)
        row.receive_refusal(refused(60), ask)
        row.receive_refusal(refused(5), ask)
        await asyncio.sleep(6)
        with pytest.raises(RateLimited, match="the service asked to hold back") as caught:
            await row.reserve(ask)
        assert caught.value.retry_delay == pytest.approx(54)

    in_no_time(main())


def test_a_learned_limit_holds_from_the_next_request_on() -> None:
    async def main() -> None:
        row, ask = lane(), Ask(limits=Limits(rpm=10), patience=0)
        error = refused(1)
        error.quotas = [{"quotaId": "GenerateRequestsPerMinute", "quotaValue": "2"}]
        row.receive_refusal(error, ask)
        await asyncio.sleep(2)
        for _ in range(2):
            await spend(await row.reserve(ask))
        with pytest.raises(RateLimited) as caught:
            await row.reserve(ask)
        assert caught.value.limit == 2
        assert not row.sweep(), "what was learned is not forgotten"

    in_no_time(main())


def test_settled_twice_is_once() -> None:
    async def main() -> None:
        row = lane()
        first = await row.reserve(ONE_AT_ONCE)
        first.settle(Spent(1))
        second = await row.reserve(ONE_AT_ONCE)
        first.settle(Spent(1))
        with pytest.raises(RateLimited):
            await row.reserve(impatient(ONE_AT_ONCE))
        second.settle(Spent(1))

    in_no_time(main())
