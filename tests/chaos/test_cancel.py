"""A call cancelled at every step it takes: everything closed, and the client as good as new.

The call runs one turn of the event loop after another; after turn 0, 1, 2 … it is cancelled,
until it is done before that. So every await of the way is hit, whatever its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from gemstream import AsyncClient
from gemstream.emulator import Emulator, JournalEnd
from gemstream.errors import InvalidState
from gemstream.policy.answer import Completeness
from support.emulated import async_client
from support.peers import App, left_behind
from support.service import (
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
from support.turns import is_cancelled_after, let_run

Call = Callable[[AsyncClient], Coroutine[Any, Any, object]]


async def _settled(before: set[asyncio.Task[Any]]) -> None:
    while left := left_behind(before):
        await asyncio.wait(left)


async def _generate(client: AsyncClient) -> object:
    return await client.generate("Hi")


async def _generates_from_a_file(client: AsyncClient) -> object:
    return await client.generate("Hi", files=[__file__])


async def _streams(client: AsyncClient) -> object:
    return [chunk.text async for chunk in client.generate_stream("Hi")]


async def _streams_in_a_block(client: AsyncClient) -> object:
    async with client.generate_stream("Hi") as stream:
        return await stream.finish()


async def _streams_texts(client: AsyncClient) -> object:
    return [text async for text in client.generate_stream("Hi").text_stream]


async def _generates_with_a_callback(client: AsyncClient) -> object:
    async def look(_: object) -> None:
        await let_run(1)

    return await client.generate("Hi", on_chunk=look)


async def _counts(client: AsyncClient) -> object:
    return await client.count_tokens("Hi")


_STREAM = streamed(chunk("a"), chunk("b"), chunk("c"), finish("d"))
_BUSY = failed(503, "UNAVAILABLE")
CALLS: dict[str, tuple[Call, list[App]]] = {
    "generate": (_generate, [said(finish("a"))]),
    "generate from a file": (_generates_from_a_file, [said(finish("a"))]),
    "generate, tried again": (_generate, [_BUSY, said(finish("a"))]),
    "generate_stream": (_streams, [_STREAM]),
    "generate_stream in a block": (_streams_in_a_block, [_STREAM]),
    "generate_stream, tried again": (_streams, [_BUSY, cut(), _STREAM]),
    "text_stream": (_streams_texts, [_STREAM]),
    "generate with a callback": (_generates_with_a_callback, [_STREAM]),
    "count_tokens": (_counts, [said({"totalTokens": 3})]),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_can_be_cancelled_at_every_step(name: str) -> None:
    call, answers = CALLS[name]
    before = asyncio.all_tasks()
    turns, was_cancelled = 0, True
    while was_cancelled:
        service = Service(*answers)
        async with client_of(service) as client:
            was_cancelled = await is_cancelled_after(turns, call(client))
            await _settled(before)
            assert service.running == 0, turns
            assert await call(client)  # as good as new
        turns += 1
    assert turns > 2  # it was cancelled on its way, not before


@pytest.mark.parametrize("name", ["generate", "generate_stream", "count_tokens"])
async def test_the_books_of_a_cancelled_call_are_closed(name: str) -> None:
    emulator = Emulator()
    turns = 0
    async with async_client(emulator) as client:
        while await is_cancelled_after(turns, CALLS[name][0](client)):
            await emulator.idle()
            turns += 1
    assert 0 < len(emulator.journal) <= turns + 1  # cancelled before it was sent, it has no entry
    assert {entry.end for entry in emulator.journal} <= {JournalEnd.ABORTED, JournalEnd.FINISHED}
    assert emulator.journal[-1].end is JournalEnd.FINISHED


async def test_a_call_that_waits_for_its_next_try_can_be_cancelled() -> None:
    service = Service(failed(503, "UNAVAILABLE", retry_after="30"))
    async with client_of(service) as client:
        assert await is_cancelled_after(50, client.generate("Hi"))
    assert len(service.asked) == 1


async def _at_each_turn(act: Callable[[Any], Awaitable[None] | None]) -> list[list[str]]:
    """End a stream by ``act`` from another task after 0, 1, 2 … turns; return what was read."""
    service = Service(_STREAM)
    before = asyncio.all_tasks()
    readings: list[list[str]] = []
    async with client_of(service) as client:
        while not readings or len(readings[-1]) < 4:
            stream = client.generate_stream("Hi")
            reading = asyncio.create_task(_texts(stream))
            await let_run(len(readings))
            if (awaitable := act(stream)) is not None:
                await awaitable
            readings.append(await reading)
            await _settled(before)
            assert service.running == 0
    return readings


async def _texts(stream: Any) -> list[str]:
    return [chunk.text async for chunk in stream]


@pytest.mark.parametrize("act", [lambda stream: stream.cancel(), lambda stream: stream.aclose()])
async def test_a_stream_ended_from_another_task_is_a_plain_end(act: Any) -> None:
    readings = await _at_each_turn(act)
    assert readings[0] == []
    assert all(read == ["a", "b", "c", "d"][: len(read)] for read in readings)
    assert {len(read) for read in readings} > {0, 4}


async def test_a_cancelled_reader_leaves_what_it_had_read() -> None:
    stream = client_of(Service(held(chunk("a")))).generate_stream("Hi")
    assert await is_cancelled_after(100, _texts(stream))
    with pytest.raises(InvalidState, match="cancelled"):  # no plain end: the answer is cut
        await _texts(stream)
    assert (stream.response.text, stream.response.complete) == ("a", Completeness.STOPPED)
