"""The streaming tests that the design documents name, under their names.

They are written against the public API over a real socket, as a user would write them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from gemstream import AsyncClient, GenerateStream, RetryPolicy
from gemstream.emulator import (
    Cut,
    Emulator,
    End,
    ErrorInStream,
    JournalEnd,
    NakedError,
    Stall,
    WaitForAck,
    serving,
)
from gemstream.emulator.scripts.steps import Step
from gemstream.errors import (
    GemstreamError,
    ResourceExhausted,
    StreamingNotSupported,
    StreamInterrupted,
    StreamTruncated,
    Unavailable,
)
from support.emulated import scripted
from support.peers import left_behind


@asynccontextmanager
async def _client_of(emulator: Emulator) -> AsyncIterator[AsyncClient]:
    """Give a client that reaches ``emulator`` over a socket."""
    async with (
        serving(emulator) as url,
        AsyncClient("any", base_url=url, retry=RetryPolicy(attempts=1)) as client,
    ):
        yield client


async def test_streaming_basic() -> None:
    async with _client_of(Emulator()) as client:
        texts: list[str] = []
        async for chunk in client.generate_stream("Count to 10", model="gemini-2.0-flash"):
            texts.append(chunk.text)
            if chunk.is_final:
                break
    assert len(texts) > 1
    assert "1" in "".join(texts)


async def test_a_chunk_has_text_end_and_counts() -> None:
    async with _client_of(Emulator()) as client:
        whole = await client.generate("Count to 10")
        chunks = [chunk async for chunk in client.generate_stream("Count to 10")]
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert [chunk.is_final for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish_reason == whole.finish_reason == "STOP"
    counts = [chunk.usage.candidates_token_count or 0 for chunk in chunks if chunk.usage]
    assert counts == sorted(counts)
    assert whole.usage and counts[-1] == whole.usage.candidates_token_count


async def test_non_streaming_model_returns_error() -> None:
    emulator = Emulator()
    async with _client_of(emulator) as client:
        assert not client.supports_streaming("text-embedding-004")
        with pytest.raises(StreamingNotSupported, match="'text-embedding-004' does not stream"):
            client.generate_stream("Hi", model="text-embedding-004")
    assert emulator.journal == []  # refused here, at once


ENDS: dict[str, tuple[Step, type[GemstreamError]]] = {
    "an error in an event": (ErrorInStream(code=503), Unavailable),
    "a naked error": (NakedError(code=429), ResourceExhausted),
    "an error over many lines": (NakedError(code=429, pretty=True), ResourceExhausted),
    "a dropped connection": (Cut(), StreamInterrupted),
    "an end without a finish": (End(), StreamTruncated),
}


@pytest.mark.parametrize("case", ENDS)
async def test_streaming_error_handling(case: str) -> None:
    fault, kind = ENDS[case]
    async with _client_of(scripted(["half an ", "ans", fault])) as client:
        stream = client.generate_stream("Hi")
        texts: list[str] = []
        with pytest.raises(kind) as caught:
            await _read_into(texts, stream)
        assert "".join(texts) == stream.response.text == "half an ans"
        assert caught.value.delivered == len(texts)
        assert stream.response.complete == "partial"
        assert "3" in (await client.generate("Count to 3")).text  # the client is as good as new


async def _leave(client: AsyncClient) -> None:
    async with client.generate_stream("Hi") as stream:
        async for _ in stream:
            break


async def _cancel_the_stream(client: AsyncClient) -> None:
    stream = client.generate_stream("Hi")
    await anext(stream)
    stream.cancel()
    assert [chunk async for chunk in stream] == []


async def _cancel_the_reader(client: AsyncClient) -> None:
    shown = asyncio.Event()
    stream = client.generate_stream("Hi")
    reader = asyncio.create_task(stream.finish(lambda _: shown.set()))
    await shown.wait()
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    assert reader.cancelled()


@pytest.mark.parametrize("cancel", [_leave, _cancel_the_stream, _cancel_the_reader])
async def test_streaming_cancellation(cancel: Callable[[AsyncClient], Awaitable[None]]) -> None:
    emulator = scripted(["a", Stall()])
    async with _client_of(emulator) as client:
        before = asyncio.all_tasks()
        await cancel(client)
        await emulator.idle()  # the service has seen that its caller left
        while left := left_behind(before):
            await asyncio.wait(left)
        assert [entry.end for entry in emulator.journal] == [JournalEnd.ABORTED]
        assert "3" in (await client.generate("Count to 3")).text


async def test_realtime_verification() -> None:
    """Each chunk is here before the next one is made, so no two can have come at once."""
    numbers = [str(number) for number in range(1, 11)]
    steps: list[Step] = [step for number in numbers for step in (number, WaitForAck())]
    emulator = scripted(steps[:-1])
    loop = asyncio.get_running_loop()
    texts: list[str] = []
    arrivals: list[float] = []
    async with _client_of(emulator) as client:
        async for text in client.generate_stream("Count slowly from 1 to 10").text_stream:
            texts.append(text)
            arrivals.append(loop.time())
            emulator.ack()  # only now may the next be made
    assert texts == numbers
    assert all(earlier < later for earlier, later in itertools.pairwise(arrivals))


async def _read_into(texts: list[str], stream: GenerateStream) -> None:
    async for chunk in stream:
        texts.append(chunk.text)
