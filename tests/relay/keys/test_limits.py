from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.config.relay.options import BudgetOptions
from gemstream.errors import BudgetExceeded, RateLimited
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.key.budget import Spending
from gemstream.relay.keys.admission import KeyAdmission
from gemstream.relay.keys.budgets import Budgets
from gemstream.relay.keys.key import Key
from gemstream.relay.keys.limits import KeyLimits
from gemstream.relay.keys.remaining import Left, Remaining
from support.clock import in_no_time
from support.limit_clock import LoopClock, SetClock
from support.relay_keys import a_key


def limits_on(clock: Any) -> KeyLimits:
    return KeyLimits(MemoryStore(clock), Budgets(wall=lambda: clock.moment().wall))


async def refusal(limits: KeyLimits, key: Key, tokens: int = 1, micros: int = 0) -> RateLimited:
    with pytest.raises(RateLimited) as raised:
        await limits.admit(key, tokens, micros)
    return raised.value


async def burst(limits: KeyLimits, key: Key, count: int) -> list[KeyAdmission]:
    """Return those of ``count`` requests at once that were let in."""
    answers = await asyncio.gather(
        *(limits.admit(key, 1, 1) for _ in range(count)), return_exceptions=True
    )
    for answer in answers:
        assert isinstance(answer, KeyAdmission | RateLimited | BudgetExceeded)
    return [answer for answer in answers if isinstance(answer, KeyAdmission)]


@pytest.mark.parametrize(
    "options",
    [
        {"rpm": 5},
        {"tpm": 5},
        {"rpd": 5},
        {"concurrency": 5},
        {"budget": BudgetOptions(day=5)},
        {"rpm": 50, "rpm_burst": 5},
        {"rpm": 9, "tpm": 5, "rpd": 8, "concurrency": 7, "budget": BudgetOptions(total=6)},
    ],
)
async def test_of_fifty_requests_at_once_exactly_five_are_let_in(options: dict[str, Any]) -> None:
    limits = limits_on(SetClock())
    assert len(await burst(limits, a_key(**options), 50)) == 5


async def test_a_key_without_limits_is_let_in() -> None:
    limits = limits_on(SetClock())
    assert len(await burst(limits, a_key(), 50)) == 50


async def test_a_rate_is_refused_with_the_time_at_which_it_fits() -> None:
    clock = SetClock()
    limits, key = limits_on(clock), a_key(rpm=5)
    await burst(limits, key, 5)
    error = await refusal(limits, key)
    assert (error.quota, error.limit, error.retry_delay) == ("rpm", 5, 12.0)
    assert str(error) == (
        "key 'team-a': the limit of 5 requests a minute is used up; try again in 12.0 s"
    )
    clock.go(11.999)
    await refusal(limits, key)
    clock.go(0.001)
    await limits.admit(key, 1, 0)


async def test_what_is_larger_than_a_whole_limit_is_not_to_be_tried_again() -> None:
    limits = limits_on(SetClock())
    with pytest.raises(RateLimited) as raised:
        await limits.admit(a_key(tpm=100), 9_000, 0, least_tokens=101)
    assert not raised.value.retryable
    assert "needs 101 of the 100 tokens a minute that may come at once" in str(raised.value)


async def test_an_answer_that_may_be_long_is_let_in_and_pays_for_what_it_was() -> None:
    clock = SetClock()
    limits, key = limits_on(clock), a_key(tpm=100)
    (await limits.admit(key, 9_000, 0, least_tokens=5)).settle(10, 0)
    (await limits.admit(key, 90, 0)).settle(290, 0)
    error = await refusal(limits, key)
    assert error.retry_delay == pytest.approx(120.6)
    clock.go(120.6)
    await limits.admit(key, 1, 0)


async def test_tokens_are_settled_with_what_was_used() -> None:
    limits, key = limits_on(SetClock()), a_key(tpm=100)
    admission = await limits.admit(key, 90, 0)
    await refusal(limits, key, 50)
    admission.settle(40, 0)
    (await limits.admit(key, 60, 0)).settle(60, 0)
    await refusal(limits, key)


async def test_tokens_beyond_the_estimate_count_while_the_stream_runs() -> None:
    limits, key = limits_on(SetClock()), a_key(tpm=1000)
    admission = await limits.admit(key, 10, 0)
    admission.adjust(990, 0)
    await refusal(limits, key, 11)
    admission.settle(10, 0)
    await limits.admit(key, 990, 0)


async def test_a_request_that_was_not_sent_counts_for_nothing() -> None:
    limits = limits_on(SetClock())
    key = a_key(rpm=1, tpm=1, rpd=1, concurrency=1, budget=BudgetOptions(day=1))
    for _ in range(3):
        (await limits.admit(key, 1, 1)).cancel()
    (await limits.admit(key, 1, 1)).settle(1, 1)
    await refusal(limits, a_key(rpm=1))


async def test_an_end_is_an_end_once() -> None:
    limits, key = limits_on(SetClock()), a_key(concurrency=1, tpm=10, budget=BudgetOptions(day=10))
    first = await limits.admit(key, 1, 1)
    first.settle(2, 2)
    second = await limits.admit(key, 1, 1)
    first.settle(10, 10)
    first.cancel()
    first.adjust(10, 10)
    assert not first.is_open
    await refusal(limits, key)  # the place is the second one's
    second.settle(1, 1)
    await limits.admit(key, 7, 7)


@pytest.mark.parametrize("full", ["rpm", "rpd", "concurrency", "tpm"])
async def test_of_a_request_that_is_refused_nothing_is_taken(full: str) -> None:
    others: dict[str, Any] = {"rpm": 3, "rpd": 3, "concurrency": 3, "tpm": 3}
    others["budget"] = BudgetOptions(total=3)
    limits, key = limits_on(SetClock()), a_key(**(others | {full: 1}))
    await limits.admit(key, 1, 1)
    for _ in range(9):
        assert (await refusal(limits, key, 1, 1)).quota == full
    del others[full]
    assert len(await burst(limits, a_key(**others), 9)) == 2


async def test_of_a_request_beyond_the_budget_nothing_is_taken() -> None:
    limits = limits_on(SetClock())
    key = a_key(rpm=2, concurrency=2, budget=BudgetOptions(total=10))
    for _ in range(5):
        with pytest.raises(BudgetExceeded):
            await limits.admit(key, 1, 11, least_micros=11)
    assert len(await burst(limits, key, 5)) == 2


async def test_one_key_is_no_other() -> None:
    limits = limits_on(SetClock())
    options: dict[str, Any] = {"rpm": 2, "concurrency": 2, "budget": BudgetOptions(day=2)}
    await burst(limits, a_key("team", **options), 9)
    for name in ("team-a", "team.a", "tea", "relay-key", "team.rpm", "rpm"):
        assert len(await burst(limits, a_key(name, **options), 9)) == 2


async def test_what_is_left_is_told() -> None:
    limits, key = limits_on(SetClock()), a_key(rpm=60, tpm=600, rpd=100, concurrency=3)
    assert await limits.remaining(a_key("free")) == Remaining()
    admission = await limits.admit(key, 60, 0)
    left = await admission.remaining()
    assert left == await limits.remaining(key)
    assert left.requests == Left(60, 59, 1.0)
    assert left.tokens == Left(600, 540, 6.0)
    assert left.day is not None and (left.day.limit, left.day.remaining) == (100, 99)
    assert left.concurrency == Left(3, 2, 0.0)


# --- the row ---------------------------------------------------------------------------------


def test_a_place_is_waited_for_first_come_first_served() -> None:
    async def wait() -> None:
        limits, key = limits_on(LoopClock()), a_key(concurrency=1, queue=3, queue_timeout=60.0)
        order: list[int] = []

        async def run(number: int) -> None:
            admission = await limits.admit(key, 1, 0)
            order.append(number)
            await asyncio.sleep(1)
            admission.settle(1, 0)

        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(run(number))
            await asyncio.sleep(0.5)
            assert limits.waiting(key.id) == 3
            error = await refusal(limits, key)
            assert "the limit of 1 answer at once is used up, and 3 wait already" in str(error)
        assert order == [0, 1, 2, 3]
        assert limits.waiting(key.id) == 0

    in_no_time(wait())


def test_a_key_that_was_gone_for_a_moment_keeps_its_row() -> None:
    async def wait() -> None:
        limits, key = limits_on(LoopClock()), a_key(concurrency=1, queue=1, queue_timeout=60.0)
        running = await limits.admit(key, 1, 0)
        limits.forget(key.id)
        waiting = asyncio.create_task(limits.admit(key, 1, 0))
        await asyncio.sleep(1)
        running.settle(1, 0)
        (await waiting).settle(1, 0)
        assert asyncio.get_running_loop().time() < 60.0

    in_no_time(wait())


def test_a_place_is_waited_for_no_longer_than_the_key_allows() -> None:
    async def wait() -> None:
        limits, key = limits_on(LoopClock()), a_key(concurrency=1, queue=1, queue_timeout=7.0)
        running = await limits.admit(key, 1, 0)
        before = asyncio.get_running_loop().time()
        error = await refusal(limits, key)
        assert asyncio.get_running_loop().time() - before == 7.0
        assert "stayed used up for 7.0 s" in str(error)
        assert error.quota == "concurrency"
        running.settle(1, 0)
        await limits.admit(key, 1, 0)

    in_no_time(wait())


def test_who_waited_for_a_place_and_finds_its_rate_used_up_is_told_so() -> None:
    async def wait() -> None:
        limits = limits_on(LoopClock())
        key = a_key(concurrency=1, queue=2, queue_timeout=10.0, rpm=1)
        running = await limits.admit(key, 1, 0)
        error = await refusal(limits, key)  # a rate that is full is never waited for
        assert error.quota == "rpm"
        running.settle(1, 0)
        assert limits.waiting(key.id) == 0

    in_no_time(wait())


def test_a_turn_that_is_given_up_goes_to_the_next() -> None:
    async def wait() -> None:
        limits, key = limits_on(LoopClock()), a_key(concurrency=1, queue=9, queue_timeout=60.0)
        running = await limits.admit(key, 1, 0)
        given_up = asyncio.create_task(limits.admit(key, 1, 0))
        await asyncio.sleep(0.1)
        next_one = asyncio.create_task(limits.admit(key, 1, 0))
        await asyncio.sleep(0.1)
        running.settle(1, 0)
        given_up.cancel()
        admission = await next_one
        await asyncio.gather(given_up, return_exceptions=True)
        admission.settle(1, 0)
        assert limits.waiting(key.id) == 0
        await limits.admit(key, 1, 0)

    in_no_time(wait())


async def slowly_told(key_id: str) -> Spending:
    await asyncio.sleep(0)
    return Spending()


@pytest.mark.parametrize("budget", [BudgetOptions(), BudgetOptions(total=2)])
@pytest.mark.parametrize("steps", range(12))
async def test_cancelled_at_any_step_it_gives_everything_back(
    steps: int, budget: BudgetOptions
) -> None:
    clock = SetClock()
    limits = KeyLimits(SlowStore(clock), Budgets(slowly_told, lambda: clock.moment().wall))
    options: dict[str, Any] = {"queue": 3, "queue_timeout": 60.0, "rpm": 2, "rpd": 2, "tpm": 2}
    running = await limits.admit(a_key(concurrency=1, **options), 1, 1)
    key = a_key(concurrency=1, budget=budget, **options)
    waiting = asyncio.create_task(limits.admit(key, 1, 1))
    for step in range(steps):
        await asyncio.sleep(0)
        if step == 5:
            running.settle(1, 1)
    waiting.cancel()
    for ended in await asyncio.gather(waiting, return_exceptions=True):
        if isinstance(ended, KeyAdmission):
            ended.cancel()
    running.settle(1, 1)
    (await limits.admit(key, 1, 1)).settle(1, 1)  # the second of two, and the last
    assert limits.waiting(key.id) == 0


class SlowStore(MemoryStore):
    """Books that answer a little later than they decide, as shared ones do."""

    async def reserve(self, name: str, claims: Any) -> Any:
        await asyncio.sleep(0)
        verdict = await super().reserve(name, claims)
        await asyncio.sleep(0)
        return verdict


async def test_a_key_that_was_edited_is_held_to_its_new_limits() -> None:
    limits = limits_on(SetClock())
    await burst(limits, a_key(concurrency=2), 9)
    assert len(await burst(limits, a_key(concurrency=5), 9)) == 3
    assert len(await burst(limits, a_key(concurrency=1), 9)) == 0
    limits.forget("team-a")
    assert len(await burst(limits, a_key(), 9)) == 9
