"""What a request used of its limits, however it went: the books hold exactly that afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gemstream import AccessToken, AsyncClient, Limits, RetryPolicy, Timeouts
from gemstream.emulator import Stall, serving
from gemstream.errors import GemstreamError, MissingCredentials
from support.beside import beside
from support.emulated import scripted
from support.limited import MODEL, Books, scaled_books
from support.peers import App, Receive, Send, respond, until_gone
from support.servers import free_port
from support.service import (
    KEY,
    SSE,
    Service,
    chunk,
    client_of,
    cut,
    failed,
    finish,
    held,
    said,
    streamed,
)

LIMITS = Limits(rpm=50, tpm=1000, rpd=50, concurrency=2)
ONCE = RetryPolicy(attempts=1)
SERVICE = "http://service"
Call = Callable[[AsyncClient], Awaitable[object]]

# The prompt "Hi" is estimated at 1 token; the service, when it tells, counts 3.
TOLD = {"rpm": 1, "tpm": 3, "rpd": 1}
ESTIMATED = {"rpm": 1, "tpm": 1, "rpd": 1}
NO_TOKENS = {"rpm": 1, "rpd": 1}
NOTHING: dict[str, int] = {}


async def _generate(client: AsyncClient) -> object:
    with contextlib.suppress(GemstreamError):
        return await client.generate("Hi")


async def _stream(client: AsyncClient) -> object:
    with contextlib.suppress(GemstreamError):
        return await client.generate_stream("Hi").finish()


async def _leave(client: AsyncClient) -> None:
    async with client.generate_stream("Hi") as stream:
        await anext(stream)


async def _drop(client: AsyncClient) -> None:
    stream = client.generate_stream("Hi")
    await anext(stream)
    del stream
    gc.collect()


async def _drop_in_a_ring(client: AsyncClient) -> None:
    stream = client.generate_stream("Hi")
    await anext(stream)
    ring: list[Any] = [stream]
    ring.append(ring)
    del stream, ring
    gc.collect()


async def _cancel(client: AsyncClient) -> None:
    stream = client.generate_stream("Hi")
    await anext(stream)
    stream.cancel()


async def _time_out(client: AsyncClient) -> None:
    with contextlib.suppress(GemstreamError):
        await client.generate_stream("Hi", timeouts=Timeouts(first_chunk=0.01)).finish()


async def _cancel_reader(client: AsyncClient) -> None:
    """Cancel once everything stands still: before the head, or in the midst of the stream."""
    before = asyncio.all_tasks()
    reader = asyncio.ensure_future(client.generate_stream("Hi").finish())
    for _ in range(50):
        await asyncio.sleep(0)
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    while left := asyncio.all_tasks() - before - {reader}:
        await asyncio.wait(left)


async def _count(client: AsyncClient) -> None:
    await client.count_tokens("Hi")


async def _embed(client: AsyncClient) -> None:
    await client.embed("Hi", model=MODEL)


async def _list(client: AsyncClient) -> None:
    await client.models.list()


async def _ask_anything(client: AsyncClient) -> None:
    body = {"contents": [{"parts": [{"text": "Hi"}]}]}
    await client.request("POST", f"models/{MODEL}:generateContent", body)
    await client.request("post", f"models/{MODEL}:generateContent", body)


async def _silent(scope: Any, receive: Receive, send: Send) -> None:
    await until_gone(receive)


async def _head_only(scope: Any, receive: Receive, send: Send) -> None:
    await respond(send, headers={"content-type": SSE})
    await until_gone(receive)


_LAST = [chunk("a"), finish("b")]
_TOLD_FIRST = chunk("a", tokens=1)
_IN_STREAM = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
_SLOW_DOWN = {"error": {"code": 429, "message": "too fast", "status": "RESOURCE_EXHAUSTED"}}
_HOP = {**chunk("a", finish="CONTINUATION", tokens=1)}
_HOP["candidates"] = [{**_HOP["candidates"][0], "continuationToken": "t"}]

CASES: dict[str, tuple[Call, list[App], dict[str, int]]] = {
    "answered": (_generate, [said(finish("a"))], TOLD),
    "streamed": (_stream, [streamed(*_LAST)], TOLD),
    "answered without usage": (_generate, [said(chunk("a", finish="STOP"))], ESTIMATED),
    "refused as invalid": (_generate, [failed(400, "INVALID_ARGUMENT")], NOTHING),
    "a model that is not there": (_stream, [failed(404, "NOT_FOUND")], NOTHING),
    "refused as too much": (_generate, [failed(429, "RESOURCE_EXHAUSTED")], NOTHING),
    "refused as too much, streamed": (_stream, [streamed(_SLOW_DOWN)], {"rpd": 1}),
    "an internal error": (_generate, [failed(500, "INTERNAL")], NO_TOKENS),
    "overloaded": (_stream, [failed(503, "UNAVAILABLE")], NO_TOKENS),
    "no JSON": (_generate, [said("no response")], ESTIMATED),
    "a stream cut": (_stream, [cut(chunk("a"))], ESTIMATED),
    "a stream cut after its usage": (_stream, [cut(_TOLD_FIRST)], TOLD),
    "an error in a stream": (_stream, [streamed(_TOLD_FIRST, _IN_STREAM)], TOLD),
    "a 429 in a stream": (_stream, [streamed(_TOLD_FIRST, _SLOW_DOWN)], TOLD),
    "silence": (_time_out, [_silent], ESTIMATED),
    "cancelled before the head": (_cancel_reader, [_silent], ESTIMATED),
    "cancelled before a chunk": (_cancel_reader, [_head_only], ESTIMATED),
    "cancelled in the midst": (_cancel_reader, [held(_TOLD_FIRST)], TOLD),
    "ended by another task": (_cancel, [held(_TOLD_FIRST)], TOLD),
    "left early": (_leave, [held(_TOLD_FIRST)], TOLD),
    "left early without usage": (_leave, [held(chunk("a"))], ESTIMATED),
    "dropped": (_drop, [held(_TOLD_FIRST)], TOLD),
    "dropped in a ring": (_drop_in_a_ring, [held(_TOLD_FIRST)], TOLD),
    "dropped once whole": (_drop, [streamed(*_LAST)], ESTIMATED),
    "tokens counted": (_count, [said({"totalTokens": 3})], NOTHING),
    "embedded": (_embed, [said({"embeddings": [{"values": [1.0]}]})], ESTIMATED),
    "models listed": (_list, [said({"models": []})], NOTHING),
    "asked by hand": (_ask_anything, [said(finish("a"))], {"rpm": 2, "tpm": 6, "rpd": 2}),
    "two hops": (_stream, [streamed(_HOP), streamed(*_LAST)], {"rpm": 2, "tpm": 6, "rpd": 2}),
    "two whole hops": (_generate, [said(_HOP), said(finish())], {"rpm": 2, "tpm": 6, "rpd": 2}),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_books_hold_what_was_used(case: str) -> None:
    call, answers, used = CASES[case]
    service, books = Service(*answers, said(finish("b"))), Books()
    async with client_of(service, limits=LIMITS, limit_store=books, retry=ONCE) as client:
        await call(client)
        assert await books.used(url=SERVICE) == used


@pytest.mark.parametrize("case", CASES)
async def test_no_slot_is_lost(case: str) -> None:
    call, answers, _ = CASES[case]
    limits, books = Limits(concurrency=1), Books()
    async with client_of(Service(*answers), limits=limits, limit_store=books, retry=ONCE) as client:
        await call(client)
        assert await books.used(url=SERVICE) == {}
        assert books.lane(url=SERVICE).waiting == 0


async def test_what_never_reached_the_service_is_given_back() -> None:
    url, books = f"http://127.0.0.1:{free_port()}", Books()
    options: Any = {"limits": LIMITS, "limit_store": books, "retry": ONCE}
    async with AsyncClient(KEY, base_url=url, **options) as client:
        await _stream(client)
    assert await books.used(url=url) == {}


async def test_what_could_not_be_authorised_is_given_back() -> None:
    def no_token() -> str:
        raise OSError("no token today")

    books = Books()
    options: Any = {"credentials": AccessToken(no_token), "limits": Limits(rpm=1)}
    async with client_of(
        Service(said(finish())), api_key=None, limit_store=books, **options
    ) as client:
        for _ in range(3):
            with pytest.raises(MissingCredentials):
                await client.generate("Hi", limit_wait=0)


async def test_each_try_is_a_request_of_its_own() -> None:
    busy = failed(503, "UNAVAILABLE")
    books = Books()
    service = Service(busy, busy, said(finish("a")))
    async with client_of(service, limits=LIMITS, limit_store=books) as client:
        await client.generate("Hi")
    assert await books.used(url=SERVICE) == {"rpm": 3, "tpm": 3, "rpd": 3}


def test_a_stream_that_outlives_its_event_loop_gives_its_slot_back() -> None:
    books = scaled_books(1.0)
    limits: Any = {"limits": Limits(concurrency=1), "limit_store": books}
    emulator = scripted(["a", Stall()], ["a", Stall()])
    with beside(serving(emulator)) as url:
        for way in ("dropped", "closed"):
            client = AsyncClient(KEY, base_url=url, **limits)
            stream = asyncio.run(_begun(client))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # that it was not closed
                if way == "closed":
                    stream.cancel()
                del stream
                gc.collect()
            asyncio.run(_take_turn(client))


async def _begun(client: AsyncClient) -> Any:
    stream = client.generate_stream("Hi")
    await anext(stream)
    return stream


async def _take_turn(client: AsyncClient) -> None:
    async with client:
        await client.count_tokens("Hi")
        with contextlib.suppress(GemstreamError):
            stream = client.generate_stream("Hi", limit_wait=0)
            await anext(stream)
            await stream.aclose()
            return
    raise AssertionError("the slot was lost")
