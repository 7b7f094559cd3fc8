"""``client.limits()``: how much of each limit is used, wherever it is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from gemstream import AsyncClient, Limits, LimitUse
from gemstream.emulator import Emulator, Status, WaitForAck
from gemstream.errors import InvalidRequest, RateLimited, ResourceExhausted
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.limit.claim import Claim, Refused, Wait
from gemstream.policy.retry import RetryPolicy
from gemstream.telemetry import Event, LimitDecided, Verdict
from support.clock import in_no_time
from support.emulated import async_client, blocking_client, scripted

MODEL = "gemini-2.5-flash"
PRO = "gemini-2.5-pro"
ONCE = RetryPolicy(attempts=1)


def short(uses: Sequence[LimitUse]) -> list[tuple[str, int | None, int, int | None]]:
    """Return quota, limit, used and left of each."""
    return [(use.quota, use.limit, use.used, use.left) for use in uses]


def client(emulator: Emulator | None = None, **options: Any) -> AsyncClient:
    return async_client(emulator or Emulator(), **{"tier": "free", "retry": ONCE, **options})


def test_a_model_that_was_not_asked_has_all_of_its_limits() -> None:
    uses = in_no_time(client().limits(PRO))
    assert short(uses) == [
        ("rpm", 2, 0, 2),
        ("tpm", 125_000, 0, 125_000),
        ("rpd", 50, 0, 50),
        ("concurrency", 2, 0, 2),
    ]
    assert {(use.model, use.setting, use.resets_in, use.waiting) for use in uses} == {
        (PRO, "tier free, given", None, 0)
    }


async def test_what_a_call_used_and_when_it_is_free_again() -> None:
    one = client()
    response = await one.generate("Count to 3")
    assert response.usage is not None
    rpm, tpm, rpd, concurrency = await one.limits(f"models/{MODEL}")
    assert (rpm.used, rpm.left, tpm.used) == (1, 9, response.usage.prompt_token_count)
    assert rpm.resets_in is not None and 0 < rpm.resets_in <= 60
    assert rpd.resets_in is not None and 0 < rpd.resets_in <= 25 * 3600
    assert (concurrency.used, concurrency.resets_in) == (0, None)


async def test_without_a_name_those_that_anything_is_used_of() -> None:
    one = client()
    assert await one.limits() == []
    await one.generate("Hi", model=PRO)
    await one.generate("Hi")
    await one.limits("gemini-2.0-flash")
    assert list(dict.fromkeys(use.model for use in await one.limits())) == [MODEL, PRO]


async def test_an_account_sees_its_own() -> None:
    shared = MemoryStore()
    one = client(limit_store=shared)
    await one.generate("Hi")
    assert await client(limit_store=shared, api_key="another").limits() == []
    assert short(await client(limit_store=shared, model=PRO).limits()) == short(await one.limits())


async def test_what_runs_and_who_waits() -> None:
    emulator = scripted(["a", WaitForAck()])
    one = client(emulator, limits=Limits(concurrency=1))
    async with one.generate_stream("Hi") as stream:
        await anext(stream)
        waiting = asyncio.ensure_future(one.generate("Hi"))
        await asyncio.sleep(0)
        (use,) = await one.limits()
        assert (use.quota, use.used, use.left, use.waiting) == ("concurrency", 1, 0, 1)
        assert use.setting == "the client's limits"
        emulator.ack()
        await stream.finish()
    await waiting
    assert await one.limits() == []


_TYPE = "type.googleapis.com/google.rpc."
_PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
LEARNED = Status(
    code=429,
    body={
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "quota exceeded",
            "details": [
                {
                    "@type": f"{_TYPE}QuotaFailure",
                    "violations": [{"quotaId": _PER_MINUTE, "quotaValue": "5"}],
                },
                {"@type": f"{_TYPE}RetryInfo", "retryDelay": "30s"},
            ],
        }
    },
)


async def test_a_hold_and_what_the_service_named() -> None:
    one = client(scripted([LEARNED]))
    with pytest.raises(ResourceExhausted):
        await one.generate("Hi")
    hold, rpm, *_, concurrency = await one.limits()
    assert (hold.quota, hold.limit, hold.used, hold.left) == ("hold", None, 1, None)
    assert hold.resets_in is not None and 29 < hold.resets_in <= 30
    assert hold.setting == "the service"
    assert (rpm.limit, rpm.setting) == (
        5,
        "learned from the service, in place of 10 (tier free, given)",
    )
    assert concurrency.limit == 1


@pytest.mark.parametrize("options", [{"limits": None}, {"tier": None}], ids=["off", "no tier"])
async def test_without_limits_there_is_nothing_to_tell(options: dict[str, Any]) -> None:
    one = client(**options)
    await one.generate("Hi")
    assert await one.limits() == await one.limits(MODEL) == []


async def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(InvalidRequest, match="not valid"):
        await client().limits("../x")


def test_the_blocking_face_tells_the_same() -> None:
    with blocking_client(Emulator(), tier="free") as one:
        one.generate("Hi")
        assert short(one.limits())[0] == ("rpm", 10, 1, 9)
        assert one.limits(PRO)[0].limit == 2


# --- books that others write to ---------------------------------------------------------------


class SharedBooks(MemoryStore):
    """Books in memory that two sets of lanes use, as two processes use a file."""

    __slots__ = ()

    is_shared = True


class Booth:
    """The same books under another identity: lanes are kept by it."""

    def __init__(self, books: SharedBooks) -> None:
        self._books = books

    def __getattr__(self, name: str) -> Any:
        return getattr(self._books, name)


async def test_who_waits_in_another_process_is_seen() -> None:
    emulator = scripted(["a", WaitForAck()])
    books, waits = SharedBooks(), asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, LimitDecided) and event.decision.verdict is Verdict.WAITING:
            waits.set()

    one, other = (
        client(emulator, limit_store=Booth(books), limits=Limits(concurrency=1), on_event=listen)
        for _ in range(2)
    )
    async with one.generate_stream("Hi") as stream:
        await anext(stream)
        waiting = asyncio.ensure_future(other.generate("Hi"))
        await waits.wait()
        await asyncio.sleep(0)
        assert [use.waiting for use in await one.limits()] == [1]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert [use.waiting for use in await one.limits()] == [0]
        emulator.ack()
        await stream.finish()
    assert await other.limits() == []


class Blind(SharedBooks):
    """Books that cannot count who waits."""

    __slots__ = ()

    async def reserve(self, name: str, claims: Sequence[Claim]) -> Wait | Refused | None:
        """Refuse to count a place in the row."""
        if claims[0].quota == "waiting":
            raise RateLimited("no room for that")
        return await super().reserve(name, claims)


async def test_books_that_cannot_count_waiters_stop_nobody() -> None:
    emulator = scripted(["a", WaitForAck()])
    one = client(emulator, limit_store=Blind(), limits=Limits(concurrency=1))
    async with one.generate_stream("Hi") as stream:
        await anext(stream)
        waiting = asyncio.ensure_future(one.generate("Hi"))
        await asyncio.sleep(0)
        emulator.ack()
        await stream.finish()
    assert (await waiting).text
