"""Messages of Live sessions: never more than allowed in any minute, in order, from wherever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream import LiveRateLimiter
from gemstream.errors import ConfigError
from gemstream.limits.clock import Clock
from gemstream.policy.limit.claim import MICROSECONDS, MINUTE
from gemstream.telemetry.decision import Decision, Verdict
from support.clock import in_no_time
from support.limit_clock import LoopClock

_ROUNDING = 0.01  # seconds: a wait is rounded up, so that its limit is free when it ends
_FEW_STEPS = 12  # of an event loop, more than an acquire takes


def _limiter(amount: int | None = None) -> LiveRateLimiter:
    return LiveRateLimiter(amount, clock=LoopClock())


async def _sent_at(
    limiter: LiveRateLimiter, arrivals: Sequence[float], *, recorded: int = 0
) -> list[float]:
    """Return the moments at which those were let through that came at ``arrivals``."""
    now = asyncio.get_running_loop().time
    for _ in range(recorded):
        limiter.record()

    async def one(arrival: float) -> float:
        await asyncio.sleep(arrival)
        await limiter.acquire()
        return now()

    return sorted(await asyncio.gather(*map(one, arrivals)))


def _plain(amount: int, arrivals: Sequence[float], *, recorded: int = 0) -> list[float]:
    """Return the earliest moments at which a plain log lets messages through in order."""
    sent = [0.0] * recorded
    for arrival in arrivals:
        earliest = max(arrival, sent[-1]) if sent[recorded:] else arrival
        frees = sorted(sent)[-amount] + 60 if len(sent) >= amount else 0.0
        sent.append(max(earliest, frees))
    return sent[recorded:]


@given(
    amount=st.integers(1, 12),
    arrivals=st.lists(st.floats(0, 200), max_size=40).map(sorted),
    recorded=st.integers(0, 15),
)
def test_no_minute_has_more_and_nobody_waits_longer(
    amount: int, arrivals: list[float], recorded: int
) -> None:
    sent = in_no_time(_sent_at(_limiter(amount), arrivals, recorded=recorded))
    assert sent == pytest.approx(_plain(amount, arrivals, recorded=recorded), abs=60 * _ROUNDING)
    every = [round(at * MICROSECONDS) for at in [0.0] * recorded + sent]
    later = range(max(amount, recorded), len(every))
    assert all(every[place] - every[place - amount] >= MINUTE for place in later)


def test_ten_in_a_minute_unless_told_otherwise() -> None:
    sent = in_no_time(_sent_at(_limiter(), [0.0] * 21))
    assert sent == pytest.approx([0.0] * 10 + [60.0] * 10 + [120.0], abs=_ROUNDING)


def test_who_asked_first_goes_first() -> None:
    async def main() -> list[int]:
        limiter, order = _limiter(3), list[int]()

        async def one(number: int) -> None:
            await limiter.acquire()
            order.append(number)

        await asyncio.gather(*map(one, range(20)))
        return order

    assert in_no_time(main()) == list(range(20))


def test_what_was_sent_without_asking_counts() -> None:
    async def main() -> float:
        limiter = _limiter(2)
        for _ in range(5):
            limiter.record()
        assert (await limiter.use()).used == 5
        assert (await limiter.use()).left == 0
        await limiter.acquire()
        return asyncio.get_running_loop().time()

    assert in_no_time(main()) == pytest.approx(60, abs=_ROUNDING)


@pytest.mark.parametrize("steps", range(_FEW_STEPS))
@pytest.mark.parametrize("taken", [0, 1])
def test_cancelling_at_any_step_loses_nothing(steps: int, taken: int) -> None:
    """With room and without: what was not let through is not counted, and the next one goes."""

    async def main() -> None:
        limiter = _limiter(1)
        for _ in range(taken):
            await limiter.acquire()
        first = asyncio.ensure_future(limiter.acquire())
        second = asyncio.ensure_future(limiter.acquire())
        for _ in range(steps):
            await asyncio.sleep(0)
        was_let = first.done()
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        began = asyncio.get_running_loop().time()
        await second
        waited = asyncio.get_running_loop().time() - began
        assert waited == pytest.approx(60 if taken or was_let else 0, abs=_ROUNDING)
        use = await limiter.use()
        assert (use.used, use.waiting) == (1, 0)

    in_no_time(main())


def test_many_loops_in_many_threads_share_it() -> None:
    """Thirty messages at five a minute take five whole minutes, wherever they come from."""
    clock = Clock(scale=600)
    limiter, began = LiveRateLimiter(5, clock=clock), clock.moment().now

    async def some() -> list[int]:
        used = []
        for _ in range(5):
            await limiter.acquire()
            used.append((await limiter.use()).used)
        return used

    with ThreadPoolExecutor(6) as threads:
        used = list(threads.map(lambda _: asyncio.run(some()), range(6)))
    assert clock.moment().now - began >= 5 * MINUTE
    assert max(map(max, used)) <= 5


def test_a_wait_is_told_to_who_listens() -> None:
    async def main() -> list[Decision]:
        limiter, told = _limiter(1), list[Decision]()
        for _ in range(2):
            (await limiter.admit(told.append)).began()
        return told

    waiting = in_no_time(main())[1]
    assert waiting.verdict is Verdict.WAITING
    assert (waiting.quota, waiting.amount, waiting.setting) == (
        "messages",
        1,
        "messages_per_minute",
    )
    assert waiting.delay == pytest.approx(60)


def test_a_wait_that_nobody_is_told_of_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "gemstream.limits"):
        in_no_time(_sent_at(_limiter(1), [0.0] * 2))
    [record] = caplog.records
    assert record.getMessage() == (
        "Live: the limit of 1 message a minute is used up (messages_per_minute); the next request "
        "waits 60.0 s"
    )


@pytest.mark.parametrize("amount", [0, -1, True, 1.5, "10"])
def test_a_number_that_lets_nothing_through_is_refused(amount: int) -> None:
    with pytest.raises(ConfigError, match="messages_per_minute is"):
        LiveRateLimiter(amount)
