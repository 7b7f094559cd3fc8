"""What the service says of its limits is heard: by all who ask the same model of the account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from gemstream import AsyncClient, Limits, RetryPolicy
from gemstream.config.tiers import Tier
from gemstream.emulator import Emulator, ErrorInStream, Pause, Status
from gemstream.errors import GemstreamError, RateLimited, ResourceExhausted
from gemstream.telemetry.decision import Decision, Verdict
from gemstream.telemetry.events import AttemptStarted, LimitDecided
from support.clock import in_no_time
from support.limited import Books, enforcing, limited_client
from support.service import KEY, Service, client_of, failed, finish, said

ONCE = RetryPolicy(attempts=1)
OTHER = "gemini-2.0-flash"
SLOW_DOWN = Status(code=429, retry_delay=30)
DAY_IS_OVER = Status(code=429, quota="GenerateRequestsPerDayPerProjectPerModel-FreeTier")
WIDE = Limits(rpm=1000, concurrency=10)


def _quota(kind: str, value: int) -> Status:
    return Status(code=429, retry_delay=10, quota=f"Generate{kind}", quota_value=str(value))


class Scene:
    """A client of an emulator with scripted answers, and what was heard of it."""

    def __init__(self, *answers: Any, steps: Any = (), **options: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.emulator: Emulator = enforcing(*answers, steps=steps)
        self.books = Books()
        self.sent: list[float] = []  # when each request was
        self.decisions: list[Decision] = []
        if "tier" not in options:
            options = {"limits": WIDE, **options}
        options = {"retry": ONCE, "on_event": self._hear, **options}
        self.client: AsyncClient = limited_client(self.emulator, self.books, **options)

    def _hear(self, event: Any) -> None:
        if isinstance(event, AttemptStarted):
            self.sent.append(self.loop.time())
        if isinstance(event, LimitDecided):
            self.decisions.append(event.decision)

    def learned(self) -> list[tuple[str, int | None]]:
        """Return the limits that were learned, in order."""
        return [(one.quota, one.amount) for one in self.decisions if one.verdict is Verdict.LEARNED]

    async def fails(self, kind: type[GemstreamError] = ResourceExhausted, **options: Any) -> Any:
        """Ask once, and return the error."""
        with pytest.raises(kind) as caught:
            await self.client.generate("Hi", **options)
        return caught.value

    async def ask(self, count: int = 1, **options: Any) -> None:
        """Ask so often at once."""
        await asyncio.gather(*(self.client.generate("Hi", **options) for _ in range(count)))


def played(scene: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a test of a scene on a clock that never waits."""

    def test() -> None:
        in_no_time(scene())

    test.__name__ = scene.__name__
    return test


@played
async def test_all_who_ask_the_same_hold_back_and_wake_spread_out() -> None:
    scene = Scene([SLOW_DOWN])
    await scene.fails()
    await scene.ask(20)
    times = scene.sent[1:]
    assert min(times) >= 30
    assert max(times) <= 30 * 1.25 + 1
    assert len({round(time, 6) for time in times}) == 20  # no two in one moment
    assert times == sorted(times)


@played
async def test_who_was_already_waiting_holds_back_too() -> None:
    scene = Scene(["a"], [SLOW_DOWN], limits=Limits(concurrency=1))
    results = await asyncio.gather(
        *(scene.client.generate("Hi") for _ in range(5)), return_exceptions=True
    )
    assert [type(one).__name__ for one in results].count("ResourceExhausted") == 1
    assert scene.sent[:2] == [0, 0]
    assert min(scene.sent[2:]) >= 30


@played
async def test_another_model_and_another_account_do_not_hold_back() -> None:
    scene = Scene([SLOW_DOWN])
    await scene.fails()
    await scene.ask(model=OTHER)
    other = limited_client(scene.emulator, scene.books, api_key=KEY + "x", limits=WIDE)
    await other.generate("Hi")
    assert scene.loop.time() == 0


@played
async def test_another_client_of_the_account_holds_back_too() -> None:
    scene = Scene([SLOW_DOWN])
    await scene.fails()
    other = limited_client(scene.emulator, scene.books, limits=Limits(rpm=5))
    await other.generate("Hi")
    assert scene.loop.time() >= 30


@played
async def test_the_caller_s_own_next_try_waits_no_longer_than_asked() -> None:
    scene = Scene([SLOW_DOWN], retry=RetryPolicy())
    await scene.ask()
    assert 30 <= scene.loop.time() < 31
    assert await scene.books.used() == {"rpm": 1}  # the refused one was given back


@played
async def test_a_429_without_details_holds_for_longer_each_time() -> None:
    scene = Scene(*[[Status(code=429)]] * 6)
    waits = []
    for _ in range(6):
        before = scene.loop.time()
        await scene.fails()
        waits.append(scene.sent[-1] - before)
    holds = [0, 5, 10, 20, 40, 60]
    for hold, wait in zip(holds, waits, strict=True):
        assert hold <= wait <= hold * 1.25 + 1


@played
async def test_a_volley_that_is_refused_together_is_one_refusal() -> None:
    scene = Scene(*[[Status(code=429)]] * 8, limits=Limits(concurrency=8))
    failures = await asyncio.gather(*(scene.fails() for _ in range(8)))
    assert len(failures) == 8
    assert scene.learned() == [("concurrency", 6)]
    await scene.ask()
    assert 5 <= scene.sent[-1] <= 5 * 1.25 + 1


def test_a_retry_after_header_holds_all() -> None:
    async def scene() -> float:
        slow = failed(429, "RESOURCE_EXHAUSTED", retry_after="17")
        service = Service(slow, said(finish("a")))
        client = client_of(service, limits=WIDE, limit_store=Books(), retry=ONCE)
        with pytest.raises(ResourceExhausted):
            await client.generate("Hi")
        await client.generate("Hi")
        return asyncio.get_running_loop().time()

    assert 17 <= in_no_time(scene()) <= 17 * 1.25 + 1


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_what_is_the_model_s_fault_holds_nobody(code: int) -> None:
    async def run() -> None:
        scene = Scene([Status(code=code, retry_delay=30)])
        await scene.fails(GemstreamError)
        await scene.ask(5)
        assert scene.loop.time() == 0
        assert not await scene.books.held()
        assert scene.learned() == []

    in_no_time(run())


@played
async def test_a_daily_quota_fails_fast_for_all_and_says_until_when() -> None:
    scene = Scene([DAY_IS_OVER])
    error = await scene.fails()
    assert error.daily and not error.retryable
    for _ in range(3):
        told = await scene.fails(RateLimited)
        # The scene plays at 12:20 in California.
        assert "until 2026-11-22 08:00:00 UTC, 11 h 40 min from now" in str(told)
        assert told.retry_delay == pytest.approx(11 * 3600 + 40 * 60, abs=60)
        assert told.retry_at == pytest.approx(told.retry_delay + scene.loop.time())
    assert len(scene.sent) == 1
    await scene.ask(model=OTHER)
    assert scene.loop.time() == 0


@played
async def test_a_daily_quota_turns_away_who_waits() -> None:
    scene = Scene([DAY_IS_OVER], limits=Limits(concurrency=1))
    results = await asyncio.gather(
        *(scene.client.generate("Hi") for _ in range(5)), return_exceptions=True
    )
    kinds = [type(one) for one in results]
    assert kinds == [ResourceExhausted, *[RateLimited] * 4]
    assert scene.loop.time() == 0


@played
async def test_whoever_may_wait_for_tomorrow_does() -> None:
    scene = Scene([DAY_IS_OVER])
    await scene.fails()
    await scene.ask(limit_wait=24 * 3600.0)
    assert scene.loop.time() >= 11 * 3600


def _tier(limits: Limits) -> Tier:
    return Tier(name="of the test", provider="gemini", limits=limits, adaptive_ceiling=4)


LEARNT: dict[str, tuple[Limits, Status, list[tuple[str, int]], int]] = {
    # The limits that were believed, the 429, what is learned, how many then go at once.
    "fewer a minute": (Limits(rpm=9), _quota("RequestsPerMinutePerProject", 4), [("rpm", 4)], 4),
    "more a minute": (Limits(rpm=3), _quota("RequestsPerMinutePerProject", 7), [("rpm", 7)], 7),
    "one that nobody knew": (Limits(), _quota("RequestsPerMinute", 5), [("rpm", 5)], 5),
    "no number at all": (Limits(rpm=6), _quota("RequestsPerMinute", 0), [], 6),
}


@pytest.mark.parametrize("case", LEARNT)
def test_a_tier_s_limit_is_what_the_service_says_it_is(case: str) -> None:
    limits, refusal, learned, at_once = LEARNT[case]

    async def run() -> None:
        scene = Scene([refusal], tier=_tier(limits))
        await scene.fails()
        assert scene.learned() == learned
        await scene.ask(at_once + 1)
        first = [time for time in scene.sent[1:] if time < 60]
        assert len(first) == at_once

    in_no_time(run())


@pytest.mark.parametrize(("own", "said_by_service", "at_once"), [(3, 7, 3), (7, 3, 3)])
def test_own_limits_are_never_exceeded(own: int, said_by_service: int, at_once: int) -> None:
    async def run() -> None:
        scene = Scene(
            [_quota("RequestsPerMinutePerProject", said_by_service)], limits=Limits(rpm=own)
        )
        await scene.fails()
        await scene.ask(at_once + 1)
        assert len([time for time in scene.sent[1:] if time < 60]) == at_once

    in_no_time(run())


def test_a_budget_is_a_share_of_what_the_service_says_too(tmp_path: Path) -> None:
    config = tmp_path / "gemstream.toml"
    config.write_text("[budget]\nrpm = 0.5\n")

    async def run() -> None:
        scene = Scene(
            [_quota("RequestsPerMinutePerProject", 8)], tier=_tier(Limits(rpm=4)), config=config
        )
        await scene.fails()
        assert scene.learned() == [("rpm", 8)]
        await scene.ask(8)
        assert len([time for time in scene.sent[1:] if time < 60]) == 4  # half of eight

    in_no_time(run())


# --- how many run at once --------------------------------------------------------------------

_LONG = ["a", Pause(1), "b"]


def _most_at_once(scene: Scene, since: float) -> int:
    """Return how many were sent in the second that the first of them took."""
    times = [time for time in scene.sent if time >= since]
    return sum(time < times[0] + 0.9 for time in times)


def test_fewer_run_at_once_after_a_429_and_slowly_more_again() -> None:
    async def run() -> None:
        scene = Scene([SLOW_DOWN], limits=Limits(concurrency=8), steps=_LONG)
        await scene.fails()
        assert scene.learned() == [("concurrency", 6)]
        await scene.ask(40)
        assert scene.learned() == [("concurrency", 6), ("concurrency", 7), ("concurrency", 8)]
        asked = scene.loop.time()
        await scene.ask(20)
        assert _most_at_once(scene, asked) == 8  # as before, and never more

    in_no_time(run())


@pytest.mark.parametrize(("adaptive", "most"), [(False, 2), (True, 4)])
def test_more_than_the_tier_says_run_only_where_that_is_wanted(
    adaptive: bool, most: int, tmp_path: Path
) -> None:
    config = tmp_path / "gemstream.toml"
    config.write_text(f"[limits]\nadaptive = {str(adaptive).lower()}\n")

    async def run() -> None:
        tier = _tier(Limits(concurrency=2))  # its ceiling is 4
        scene = Scene(tier=tier, config=config, steps=_LONG)
        await scene.ask(40)
        asked = scene.loop.time()
        await scene.ask(20)
        assert _most_at_once(scene, asked) == most

    in_no_time(run())


def test_a_429_in_the_midst_of_a_stream_is_heard_too() -> None:
    async def run() -> None:
        scene = Scene(["a", ErrorInStream(code=429, retry_delay=30)], limits=Limits(concurrency=4))
        stream = scene.client.generate_stream("Hi")
        assert (await anext(stream)).text == "a"
        with pytest.raises(ResourceExhausted) as caught:
            await anext(stream)
        assert (caught.value.delivered, caught.value.partial) == (1, "a")
        assert scene.learned() == [("concurrency", 3)]
        await scene.ask()
        assert scene.loop.time() >= 30
        assert "concurrency" not in await scene.books.used()

    in_no_time(run())
