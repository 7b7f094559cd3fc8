"""How a client is told of limits, how long a call waits for them, and what cannot be meant."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gemstream import AsyncClient, Limits, RetryPolicy, Timeouts
from gemstream.config.tiers import bundled_tiers
from gemstream.emulator import Status, WaitForAck
from gemstream.errors import ConfigError, InvalidRequest, RateLimited, TotalTimeout
from gemstream.limits.memory_store import MemoryStore
from gemstream.net.asgi import ASGITransport
from gemstream.telemetry.decision import Decision
from gemstream.telemetry.events import LimitDecided
from support.clock import in_no_time
from support.limited import MODEL, Books, enforcing, limited_client, refusals
from support.service import KEY, Service, client_of, finish, said

ONE = Limits(rpm=1)


async def _now() -> float:
    return asyncio.get_running_loop().time()


# --- how long a call waits -------------------------------------------------------------------


def test_a_call_that_may_not_wait_says_when_to_come_back() -> None:
    async def scene() -> None:
        emulator = enforcing(rpm=1)
        client = limited_client(emulator, limits=ONE)
        await client.generate("Hi")
        await asyncio.sleep(20)
        with pytest.raises(RateLimited, match="limit of 1 request a minute is used up") as caught:
            await client.generate("Hi", limit_wait=0)
        error = caught.value
        assert (error.quota, error.limit, error.retryable) == ("rpm", 1, True)
        assert error.retry_delay == pytest.approx(40, abs=0.001)
        assert error.retry_at == pytest.approx(60, abs=0.001)
        assert (len(emulator.journal), await _now()) == (1, 20)  # nothing was sent, at once
        await asyncio.sleep(error.retry_delay)
        await client.generate("Hi", limit_wait=0)
        assert refusals(emulator) == 0

    in_no_time(scene())


def test_a_stream_may_not_wait_either() -> None:
    async def scene() -> None:
        client = limited_client(enforcing(), limits=ONE, timeouts=Timeouts(limit_wait=0))
        await client.generate("Hi")
        stream = client.generate_stream("Hi")
        with pytest.raises(RateLimited):
            await anext(stream)

    in_no_time(scene())


@pytest.mark.parametrize(("patience", "waits"), [(59, False), (61, True), (5, False)])
def test_a_call_waits_as_long_as_it_may(patience: float, waits: bool) -> None:
    async def scene() -> None:
        client = limited_client(enforcing(), limits=ONE)
        await client.generate("Hi")
        if waits:
            await client.generate("Hi", limit_wait=patience)
            assert 60 <= await _now() < 61
            return
        with pytest.raises(RateLimited, match=f"limit_wait is {patience} s"):
            await client.generate("Hi", limit_wait=patience)
        assert await _now() == 0  # it is known at once that 60 s are too long

    in_no_time(scene())


def test_the_tries_of_a_call_share_its_patience() -> None:
    async def scene() -> None:
        client = limited_client(enforcing(["a"], [Status(code=503)]), limits=ONE)
        await client.generate("Hi")
        with pytest.raises(RateLimited, match="limit_wait"):
            await client.generate("Hi", limit_wait=100)
        assert 60 <= await _now() < 62  # 40 s were left for the second try, which needs 60

    in_no_time(scene())


def test_patience_ends_while_others_run_on() -> None:
    async def scene() -> None:
        emulator, books = enforcing(["a", WaitForAck()]), Books()
        client = limited_client(emulator, books, limits=Limits(concurrency=1))
        stream = client.generate_stream("Hi")
        await anext(stream)
        with pytest.raises(RateLimited, match="limit_wait of 5 s is over") as caught:
            await client.generate("Hi", limit_wait=5)
        assert await _now() == 5
        assert caught.value.retry_at is None  # nobody knows when an answer ends
        assert books.lane().waiting == 0
        emulator.ack()
        await stream.finish()
        await client.generate("Hi", limit_wait=0)

    in_no_time(scene())


def test_a_request_larger_than_the_whole_limit_is_refused_at_once() -> None:
    async def scene() -> None:
        emulator = enforcing()
        client = limited_client(emulator, limits=Limits(tpm=100))
        with pytest.raises(RateLimited, match="needs 250 of 100 tokens a minute") as caught:
            await client.generate("word" * 250)
        assert (caught.value.quota, caught.value.retryable) == ("tpm", False)
        assert (emulator.journal, await _now()) == ([], 0)

    in_no_time(scene())


def test_a_day_that_is_used_up_fails_at_once_and_says_until_when() -> None:
    async def scene() -> None:
        emulator = enforcing(rpd=3)
        client = limited_client(emulator, limits=Limits(rpd=3))
        results = await asyncio.gather(
            *(client.generate("Hi") for _ in range(6)), return_exceptions=True
        )
        assert [isinstance(one, RateLimited) for one in results] == [False] * 3 + [True] * 3
        assert "limit of 3 requests a day is used up until 2026-11-22 08:00:00 UTC" in str(
            results[-1]
        )
        assert (refusals(emulator), await _now()) == (0, 0)
        await asyncio.sleep(12 * 3600)  # it is midnight in California
        await client.generate("Hi")
        assert refusals(emulator) == 0

    in_no_time(scene())


def test_a_wait_counts_neither_into_the_total_nor_for_the_service() -> None:
    async def scene() -> None:
        service = Service(said(finish("a")))
        client = client_of(service, limits=ONE, limit_store=Books(), timeouts=30.0)
        await asyncio.gather(client.generate("Hi"), client.generate("Hi"))
        assert await _now() >= 60
        assert [one.headers["x-server-timeout"] for one in service.asked] == ["30", "30"]

    in_no_time(scene())


def test_the_total_goes_on_after_the_wait() -> None:
    async def scene() -> None:
        client = limited_client(enforcing(["a"], [WaitForAck()]), limits=ONE, timeouts=30.0)
        await client.generate("Hi")
        with pytest.raises(TotalTimeout):
            await client.generate("Hi")
        assert 90 <= await _now() < 91

    in_no_time(scene())


def test_a_call_cancelled_in_the_row_leaves_it() -> None:
    async def scene() -> None:
        books = Books()
        client = limited_client(enforcing(), books, limits=ONE)
        await client.generate("Hi")
        waiting = [asyncio.ensure_future(client.generate("Hi")) for _ in range(5)]
        await asyncio.sleep(1)
        for one in (waiting[0], waiting[3]):  # who stands first, and one in the midst
            one.cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in results] == [
            True,
            False,
            False,
            True,
            False,
        ]
        assert 180 <= await _now() < 181
        assert books.lane().waiting == 0

    in_no_time(scene())


# --- which limits ----------------------------------------------------------------------------


def _amounts(events: list[Any]) -> list[Decision]:
    return [event.decision for event in events if isinstance(event, LimitDecided)]


NONE: dict[str, dict[str, Any]] = {
    "a transport of its own": {"transport": ASGITransport(Service(said(finish("a"))))},
    "switched off": {
        "transport": ASGITransport(Service(said(finish("a")))),
        "tier": "free",
        "limits": None,
    },
}


@pytest.mark.parametrize("case", NONE)
async def test_nothing_is_limited_with(case: str) -> None:
    events: list[Any] = []
    client = AsyncClient(KEY, on_event=events.append, **NONE[case])
    await asyncio.gather(*(client.generate("Hi") for _ in range(30)))
    assert _amounts(events) == []


DEFAULTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "Google's host": ({}, "free"),
    "Google's host, written out": (
        {"base_url": "https://generativelanguage.googleapis.com/"},
        "free",
    ),
    "another address": ({"base_url": "http://localhost:8080"}, None),
    "a transport": ({"transport": ASGITransport(Service())}, None),
    "another address with a tier": (
        {"base_url": "http://localhost:8080", "tier": "tier2"},
        "tier2",
    ),
    "a tier by its words": ({"tier": "Pay-as-you-go"}, "tier1"),
}


@pytest.mark.parametrize("case", DEFAULTS)
def test_the_tier_of_a_client(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_TIER", raising=False)
    options, name = DEFAULTS[case]
    tier = AsyncClient(KEY, config=False, **options).options.tier
    assert (None if tier is None else tier.name) == name


def test_an_unknown_tier_is_the_free_one_with_a_warning(caplog: Any) -> None:
    client = AsyncClient(KEY, tier="golden spoon")
    assert client.options.tier == bundled_tiers()["gemini"].tiers["free"]
    assert "has no tier 'golden spoon' (given): free is used" in caplog.text


def test_every_model_of_a_tier_has_its_row_and_others_the_tier_s() -> None:
    async def scene() -> None:
        client = client_of(Service(said(finish("a"))), tier="free", limit_store=Books())
        for model, rpm in ((MODEL, 10), ("gemini-2.5-pro", 2), ("gemini-9-unheard-of", 10)):
            for _ in range(rpm):
                await client.generate("Hi", model=model, limit_wait=0)
            with pytest.raises(RateLimited, match=f"limit of {rpm} requests a minute .*tier free"):
                await client.generate("Hi", model=model, limit_wait=0)

    in_no_time(scene())


# --- what cannot be meant --------------------------------------------------------------------

_LIMITS = ("rpm", "tpm", "rpd", "concurrency")


@pytest.mark.parametrize("name", _LIMITS)
@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True, float("nan"), b"1"])
def test_a_limit_is_a_whole_number_from_one_on(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} is .*whole number from 1 on"):
        Limits(**{name: value})


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a tier as limits": ({"limits": "free"}, "a tier is named by tier="),
    "a number as limits": ({"limits": 10}, r"pass Limits\(rpm=…"),
    "a store that nobody knows": ({"tier": "free", "limit_store": "etcd"}, "limit_store is 'etcd'"),
    "a store where no limits are kept": ({"limit_store": "etcd"}, "limit_store is 'etcd'"),
    "no store at all": ({"limit_store": 5}, "limit_store is 5; it takes .* or a LimitStore"),
    "a wait that is a timeout": ({"limit_wait": 3}, r"timeouts=Timeouts\(limit_wait=…\)"),
    "a negative wait": ({"timeouts": -1.0}, "positive"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_client_with_limits_that_cannot_be_meant_is_not_made(case: str) -> None:
    options, message = BAD[case]
    with pytest.raises(InvalidRequest, match=message):
        client_of(Service(), **options)


@pytest.mark.parametrize("wait", [-1, float("nan"), float("inf"), "5", True])
async def test_a_wait_is_a_number_of_seconds(wait: Any) -> None:
    service = Service(said(finish("a")))
    with pytest.raises(InvalidRequest, match="limit_wait is"):
        await client_of(service).generate("Hi", limit_wait=wait)
    assert service.asked == []


@pytest.mark.parametrize("name", ["", "a/b/c", "models/", "../x", "a:b", "a b", "x" * 3000])
async def test_a_name_that_no_model_has_leaves_nothing_behind(name: str) -> None:
    store = MemoryStore()
    client = client_of(Service(), limits=ONE, limit_store=store)
    with pytest.raises(InvalidRequest):
        await client.generate("Hi", model=name)
    assert store.size == 0


@pytest.mark.parametrize("hours", [-1, 1, -25, 25])
def test_a_step_of_the_clock_breaks_no_limit_and_hangs_nobody(hours: int) -> None:
    """The wall's clock steps; minutes are counted by the one that does not."""

    async def scene() -> None:
        books = Books()
        emulator = enforcing(rpm=2)
        client = limited_client(emulator, books, limits=Limits(rpm=2, rpd=100))
        await asyncio.gather(*(client.generate("Hi") for _ in range(2)))
        books.clock.step += hours * 3600  # type: ignore[attr-defined]
        await asyncio.gather(*(client.generate("Hi") for _ in range(4)))
        assert 120 <= await _now() < 121
        assert refusals(emulator) == 0

    in_no_time(scene())


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_step_of_the_clock_does_not_lengthen_a_hold(hours: int) -> None:
    async def scene() -> None:
        books = Books()
        client = limited_client(
            enforcing([Status(code=429, retry_delay=30)]),
            books,
            limits=Limits(rpm=10),
            retry=RetryPolicy(),
        )
        waiting = asyncio.ensure_future(client.generate("Hi"))
        await asyncio.sleep(1)
        books.clock.step += hours * 3600  # type: ignore[attr-defined]
        await waiting
        assert await _now() < 32

    in_no_time(scene())


# --- from a file -----------------------------------------------------------------------------

_FILE = """
[providers.gemini]
default_model = "gemini-2.0-flash"
default_tier = "free"

[providers.gemini.tiers.free.models."gemini-2.0-flash"]
rpm = 3
"""


def test_a_file_names_model_and_tier_and_corrects_a_row(tmp_path: Path) -> None:
    config = tmp_path / "gemstream.toml"
    config.write_text(_FILE)

    async def scene() -> None:
        service = Service(said(finish("a")))
        client = client_of(service, config=config, limit_store=Books())
        for _ in range(3):
            await client.generate("Hi", limit_wait=0)
        with pytest.raises(RateLimited, match="limit of 3 requests a minute"):
            await client.generate("Hi", limit_wait=0)
        assert {one.url for one in service.asked} == {
            "/v1beta/models/gemini-2.0-flash:generateContent"
        }
        for _ in range(10):  # a model without a row in the file has the tier's
            await client.generate("Hi", model=MODEL, limit_wait=0)
        with pytest.raises(RateLimited, match="limit of 10 requests a minute"):
            await client.generate("Hi", model=MODEL, limit_wait=0)

    in_no_time(scene())
