"""What a session says in words waits for its turn; nothing else does, and nothing waits in vain.

Opening it waits for the limits of its model, as any request does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gemstream import (
    AsyncClient,
    FunctionDeclaration,
    FunctionResponse,
    Limits,
    LiveRateLimiter,
    LiveSession,
    Timeouts,
)
from gemstream.emulator import Emulator, serving
from gemstream.errors import InvalidRequest, InvalidState, RateLimited, SessionClosedError
from gemstream.policy.live import client_event as heard
from gemstream.telemetry import Event, LimitDecided, Verdict
from support.clock import in_no_time
from support.limit_clock import LoopClock
from support.live import DONE, call
from support.live_service import MODEL, LiveService, Stage, client_of
from support.service import KEY

_ROUNDING = 0.01
_MOST_STEPS = 100  # of an event loop, until who has come stands in the row
_TOOLS = [FunctionDeclaration(name="f")]


async def _answers(stage: Stage) -> None:
    while True:
        if isinstance(await stage.hear(), heard.ContentGiven | heard.TextGiven):
            await stage.say(DONE)


async def _silent(stage: Stage) -> None:
    while True:
        await stage.hear()


async def _calls(stage: Stage) -> None:
    await stage.hear()
    await stage.say(call("1", "f"))


def _one() -> LiveRateLimiter:
    return LiveRateLimiter(1, clock=LoopClock())


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _waits(limiter: LiveRateLimiter, count: int) -> None:
    """Return once so many wait."""
    for _ in range(_MOST_STEPS):
        if (await limiter.use()).waiting == count:
            return
        await asyncio.sleep(0)
    pytest.fail(f"there are no {count} waiting")


Said = Callable[[LiveSession], Awaitable[Any]]
WORDS: dict[str, Said] = {
    "a turn": lambda session: session.send_client_content("Hi"),
    "a text as it happens": lambda session: session.send_realtime_input(text="Hi"),
}
ALL_ELSE: dict[str, Said] = {
    "history": lambda session: session.send_client_content("Hi", turn_complete=False),
    "sound": lambda session: session.send_realtime_input(audio=b"\0\0"),
    "a picture": lambda session: session.send_realtime_input(video=b"jpeg"),
    "silence": lambda session: session.send_realtime_input(audio_stream_end=True),
}


async def _second(said: Said) -> float:
    """Return when ``said`` was sent behind a message that took the whole minute."""
    service = LiveService(_silent)
    async with client_of(service).live(MODEL, rate_limiter=_one()) as session:
        await session.send_client_content("First")
        await said(session)
        return _now()


@pytest.mark.parametrize("said", WORDS.values(), ids=WORDS)
def test_words_wait_for_their_turn(said: Said) -> None:
    assert in_no_time(_second(said)) == pytest.approx(60, abs=_ROUNDING)


@pytest.mark.parametrize("said", ALL_ELSE.values(), ids=ALL_ELSE)
def test_all_else_goes_at_once(said: Said) -> None:
    assert in_no_time(_second(said)) == 0


def test_what_functions_returned_goes_at_once_and_is_not_counted() -> None:
    async def main() -> None:
        limiter, service = _one(), LiveService(_calls)
        live = client_of(service).live(MODEL, tools=_TOOLS, rate_limiter=limiter)
        async with live as session:
            await session.send_text("Call it")
            await session.send_tool_response(FunctionResponse(id="1", name="f", response={}))
            assert _now() == 0
            assert (await limiter.use()).used == 1

    in_no_time(main())


def test_a_text_and_its_answer_wait_together() -> None:
    async def main() -> list[float]:
        async with client_of(LiveService(_answers)).live(MODEL, rate_limiter=_one()) as session:
            ends = []
            for _ in range(3):
                assert (await session.send_text("Hi")).is_complete
                ends.append(_now())
            return ends

    assert in_no_time(main()) == pytest.approx([0, 60, 120], abs=_ROUNDING)


def test_sessions_of_several_clients_share_one_limiter() -> None:
    async def main() -> list[float]:
        limiter, ends = _one(), list[float]()

        async def one() -> None:
            client = client_of(LiveService(_answers))
            async with client.live(MODEL, rate_limiter=limiter) as session:
                await session.send_text("Hi")
                ends.append(_now())

        await asyncio.gather(one(), one(), one())
        return ends

    assert in_no_time(main()) == pytest.approx([0, 60, 120], abs=_ROUNDING)


async def test_sessions_of_a_client_share_its_tier_s_messages() -> None:
    async with (
        serving(Emulator()) as url,
        AsyncClient(KEY, base_url=url, tier="free") as client,
    ):
        for used in (1, 2):
            async with client.live("gemini-3.8-live", response_modalities=["TEXT"]) as session:
                await session.send_text("Count to 2")
            assert client.live_rate_limiter is not None
            assert (await client.live_rate_limiter.use()).used == used


async def test_a_session_of_its_own_count_leaves_the_client_s_alone() -> None:
    client = client_of(LiveService(_answers), tier="free")
    async with client.live(MODEL, messages_per_minute=5) as session:
        await session.send_text("Hi")
    assert client.live_rate_limiter is not None
    assert (await client.live_rate_limiter.use()).used == 0


def test_what_cannot_be_sent_is_refused_before_it_waits() -> None:
    async def main() -> None:
        limiter = _one()
        async with client_of(LiveService(_silent)).live(MODEL, rate_limiter=limiter) as session:
            await session.send_client_content("First")
            with pytest.raises(InvalidState, match="not read to its end"):
                await session.send_text("Second")
            with pytest.raises(InvalidRequest, match="bytes, more than"):
                await session.send_client_content("x" * 9_000_000)
        with pytest.raises(InvalidState, match="closed"):
            await session.send_client_content("Late")
        assert _now() == 0
        assert (await limiter.use()).used == 1

    in_no_time(main())


def test_what_cannot_be_sent_any_more_after_its_wait_is_not_counted() -> None:
    """Two wait to ask; the second would interrupt the first, and take its answer for its own."""

    async def main() -> None:
        limiter = _one()
        limiter.record()
        async with client_of(LiveService(_silent)).live(MODEL, rate_limiter=limiter) as session:
            first = asyncio.ensure_future(session.send_text("First"))
            second = asyncio.ensure_future(session.send_text("Second"))
            with pytest.raises(InvalidState, match="not read to its end"):
                await second
            assert _now() == pytest.approx(120, abs=_ROUNDING)
            assert (await limiter.use()).used == 0
            first.cancel()

    in_no_time(main())


async def _session_closes(session: LiveSession, client: AsyncClient, service: LiveService) -> None:
    await session.aclose()


async def _client_closes(session: LiveSession, client: AsyncClient, service: LiveService) -> None:
    await client.aclose()


async def _service_closes(session: LiveSession, client: AsyncClient, service: LiveService) -> None:
    await service.stages[-1].close(1000)
    assert [event async for event in session] == []


@pytest.mark.parametrize("close", [_session_closes, _client_closes, _service_closes])
def test_nothing_waits_for_a_session_that_is_over(
    close: Callable[[LiveSession, AsyncClient, LiveService], Awaitable[None]],
) -> None:
    async def main() -> None:
        limiter, service = _one(), LiveService(_silent)
        limiter.record()
        client = client_of(service)
        async with client.live(MODEL, rate_limiter=limiter) as session:
            waiting = asyncio.ensure_future(session.send_client_content("Hi"))
            await _waits(limiter, 1)
            await close(session, client, service)
            with pytest.raises(InvalidState, match="closed"):
                await waiting
            use = await limiter.use()
            assert (_now(), use.used, use.waiting) == (0, 1, 0)

    in_no_time(main())


def test_who_is_cancelled_gives_its_turn_to_the_next() -> None:
    async def main() -> None:
        limiter = _one()
        limiter.record()
        async with client_of(LiveService(_silent)).live(MODEL, rate_limiter=limiter) as session:
            first = asyncio.ensure_future(session.send_client_content("First"))
            await _waits(limiter, 1)
            second = asyncio.ensure_future(session.send_client_content("Second"))
            await _waits(limiter, 2)
            first.cancel()
            await second
            assert _now() == pytest.approx(60, abs=_ROUNDING)

    in_no_time(main())


def test_a_wait_is_told_with_its_model() -> None:
    events = list[Event]()

    async def main() -> None:
        limiter = _one()
        limiter.record()
        client = client_of(LiveService(_silent), on_event=events.append)
        async with client.live(MODEL, rate_limiter=limiter) as session:
            await session.send_client_content("Hi")

    in_no_time(main())
    decisions = [event.decision for event in events if isinstance(event, LimitDecided)]
    assert [one.verdict for one in decisions] == [Verdict.WAITING, Verdict.GRANTED]
    assert decisions[0].delay == pytest.approx(60)
    assert decisions[0].scope.endswith(f"|{MODEL}")
    assert (decisions[0].quota, decisions[0].amount) == ("messages", 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"messages_per_minute": 0}, "messages_per_minute is 0"),
        ({"messages_per_minute": True}, "messages_per_minute is True"),
        ({"messages_per_minute": "ten"}, "messages_per_minute is 'ten'"),
        ({"rate_limiter": 10}, "rate_limiter is 10; pass a LiveRateLimiter"),
        ({"rate_limiter": LiveRateLimiter(), "messages_per_minute": 5}, "exclude each other"),
        ({"message_per_minute": 5}, "did you mean 'messages_per_minute'"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        client_of(LiveService(_silent)).live(MODEL, **options)


_FILE = "[providers.gemini.tiers.free]\nlive_messages_per_minute = {}\n[budget]\nrpm = {}\n"


@pytest.mark.parametrize(
    ("options", "amount"),
    [
        ({}, None),
        ({"tier": "free"}, 10),
        ({"tier": "tier1"}, 1000),
        ({"tier": "free", "limits": None}, None),
        ({"tier": "free", "limits": Limits(rpm=5)}, None),
        ({"tier": "free", "config": ("12", "1.0")}, 12),
        ({"tier": "free", "config": ("12", "0.5")}, 6),
        ({"tier": "free", "config": ('"unlimited"', "1.0")}, None),
    ],
)
def test_a_client_s_sessions_keep_to_its_tier(
    options: dict[str, Any], amount: int | None, tmp_path: Path
) -> None:
    if "config" in options:
        file = tmp_path / "gemstream.toml"
        file.write_text(_FILE.format(*options["config"]))
        options = {**options, "config": file}
    limiter = client_of(LiveService(_silent), **options).live_rate_limiter
    assert (None if limiter is None else limiter.messages_per_minute) == amount


# --- opening is a request of the model's limits ------------------------------------------------


async def _used(client: AsyncClient) -> dict[str, int]:
    return {use.quota: use.used for use in await client.limits(MODEL)}


async def test_opening_is_one_request_and_runs_no_more_once_it_is_open() -> None:
    client = client_of(LiveService(_silent), limits=Limits(rpm=9, tpm=9, rpd=9, concurrency=1))
    for opened in (1, 2):
        async with client.live(MODEL):
            assert await _used(client) == {"rpm": opened, "tpm": 0, "rpd": opened, "concurrency": 0}


async def test_an_opening_that_may_not_wait_is_refused() -> None:
    service, timeouts = LiveService(_silent), Timeouts(limit_wait=0)
    client = client_of(service, limits=Limits(rpm=1))
    async with client.live(MODEL):
        with pytest.raises(RateLimited, match="1 request a minute is used up"):
            async with client.live(MODEL, timeouts=timeouts):
                pass
    assert len(service.stages) == 1


async def test_a_setup_that_is_refused_frees_what_it_held() -> None:
    async def refuses(stage: Stage) -> None:
        await stage.hear()
        await stage.close(1007, "no")

    client = client_of(LiveService(refuses, sets_up=False), limits=Limits(rpm=9, concurrency=1))
    for opened in (1, 2):
        with pytest.raises(SessionClosedError):
            async with client.live(MODEL):
                pass
        assert await _used(client) == {"rpm": opened, "concurrency": 0}


async def test_a_cancelled_opening_frees_what_it_held() -> None:
    client = client_of(LiveService(_silent, sets_up=False), limits=Limits(rpm=9, concurrency=1))
    opening = asyncio.ensure_future(client.live(MODEL).__aenter__())
    for _ in range(_MOST_STEPS):
        await asyncio.sleep(0)
    assert (await _used(client))["concurrency"] == 1
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert (await _used(client))["concurrency"] == 0
