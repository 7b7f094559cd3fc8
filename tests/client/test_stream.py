"""generate_stream: pulled by its reader, ended whenever and from wherever the caller wants."""

from __future__ import annotations

import asyncio
import gc

import pytest

from gemstream import AsyncClient, Chunk, GenerateStream, StreamControl
from gemstream.emulator import (
    Cut,
    Emulator,
    End,
    ErrorInStream,
    JournalEnd,
    NakedError,
    Stall,
    WaitForAck,
)
from gemstream.errors import (
    APIError,
    InvalidState,
    ResourceExhausted,
    StreamingNotSupported,
    StreamInterrupted,
)
from gemstream.policy.answer import Completeness
from support.emulated import async_client, scripted
from support.service import Service, chunk, client_of, cut, finish, held, streamed

_THREE = ["a", "b", "c"]


def _stream(*steps: object) -> GenerateStream:
    return async_client(scripted(steps or _THREE)).generate_stream("Hi")


async def _texts(stream: GenerateStream) -> list[str]:
    return [chunk.text async for chunk in stream]


async def _ends(emulator: Emulator) -> list[JournalEnd]:
    await emulator.idle()
    return [entry.end for entry in emulator.journal]


# --- reading ---------------------------------------------------------------------------------


async def test_a_stream_counts_to_three() -> None:
    stream = async_client(Emulator()).generate_stream("Count to 3")
    texts = await _texts(stream)
    assert len(texts) > 1
    assert "1" in "".join(texts)
    assert "".join(texts) == stream.response.text


async def test_a_streamed_answer_is_the_unstreamed_one() -> None:
    client = async_client(Emulator())
    whole = await client.generate("Count to 10")
    streamed = await client.generate_stream("Count to 10").finish()
    assert (streamed.text, streamed.finish_reason) == (whole.text, whole.finish_reason)
    assert streamed.usage.total_token_count == whole.usage.total_token_count


async def test_each_chunk_is_shown_before_the_next_is_made() -> None:
    emulator = scripted(["1", WaitForAck(), "2", WaitForAck(), "3"])
    texts = []
    async for one in async_client(emulator).generate_stream("Count"):
        texts.append(one.text)
        emulator.ack()
    assert [text for text in texts if text] == ["1", "2", "3"]


async def test_only_the_last_chunk_is_final() -> None:
    finals = [chunk.is_final async for chunk in _stream()]
    assert finals == [False] * (len(finals) - 1) + [True]


async def test_the_usage_of_a_chunk_is_the_merge_so_far() -> None:
    service = Service(streamed(chunk("a", tokens=1), chunk("b"), finish("c")))
    counts = [
        chunk.usage.candidates_token_count
        async for chunk in client_of(service).generate_stream("Hi")
    ]
    assert counts == [1, 1, 9]


async def test_a_chunk_shows_the_bytes_it_came_as() -> None:
    service = Service(streamed({**finish("a"), "tomorrow": {"x": 1}}))
    [only] = [chunk async for chunk in client_of(service).generate_stream("Hi")]
    assert b'"tomorrow": {"x": 1}' in only.raw
    assert only.message.extra == {"tomorrow": {"x": 1}}


async def test_text_stream_passes_over_chunks_without_text() -> None:
    service = Service(streamed(chunk("a"), {"candidates": [{}]}, chunk("b"), finish()))
    stream = client_of(service).generate_stream("Hi").text_stream
    assert [text async for text in stream] == ["a", "b"]


async def test_a_text_stream_can_be_closed() -> None:
    texts = _stream("a", Stall()).text_stream
    assert await anext(texts) == "a"
    await texts.aclose()
    assert [text async for text in texts] == []


async def test_nothing_is_sent_before_the_first_chunk_is_asked_for() -> None:
    service = Service(streamed(finish("a")))
    stream = client_of(service).generate_stream("Hi")
    assert not service.asked
    await anext(stream)
    assert len(service.asked) == 1


async def test_an_ended_stream_stays_ended() -> None:
    stream = _stream()
    await stream.finish()
    assert await _texts(stream) == []
    assert (await stream.finish()).text == "abc"


async def test_two_readers_of_one_stream_are_one_too_many() -> None:
    stream = client_of(Service(held(chunk("a")))).generate_stream("Hi")
    await anext(stream)
    first = asyncio.ensure_future(anext(stream))
    await asyncio.wait([asyncio.ensure_future(_second_reader(stream))])
    stream.cancel()
    with pytest.raises(StopAsyncIteration):
        await first


async def _second_reader(stream: GenerateStream) -> None:
    with pytest.raises(InvalidState, match="already being read"):
        await anext(stream)


# --- the response at each stage --------------------------------------------------------------


async def test_there_is_no_response_before_the_first_chunk() -> None:
    with pytest.raises(InvalidState, match="iterate over it first"):
        _ = _stream().response


async def test_the_response_grows_with_the_stream() -> None:
    stream = _stream()
    grown = [(stream.response.text, stream.response.complete) async for _ in stream]
    assert grown[0] in [("a", Completeness.PARTIAL), ("abc", Completeness.PARTIAL)]
    assert (stream.response.text, stream.response.complete) == ("abc", Completeness.CONFIRMED)


async def test_the_repr_of_a_stream_says_where_it_stands() -> None:
    stream = _stream()
    assert repr(stream) == "<GenerateStream unsent, 0 chunks delivered>"
    await stream.finish()
    assert repr(stream).startswith("<GenerateStream ended, ")


# --- leaving early ---------------------------------------------------------------------------


async def test_leaving_the_block_ends_the_answer_upstream() -> None:
    emulator = scripted(["a", Stall()])
    async with async_client(emulator).generate_stream("Hi") as stream:
        async for _ in stream:
            break
    assert await _ends(emulator) == [JournalEnd.ABORTED]
    assert stream.response.complete is Completeness.STOPPED


async def test_an_error_in_the_block_ends_the_answer_upstream() -> None:
    emulator = scripted(["a", Stall()])
    with pytest.raises(LookupError):
        async with async_client(emulator).generate_stream("Hi") as stream:
            await anext(stream)
            raise LookupError
    assert await _ends(emulator) == [JournalEnd.ABORTED]


async def test_dropping_a_stream_ends_the_answer_upstream() -> None:
    emulator = scripted(["a", Stall()])
    async for _ in async_client(emulator).generate_stream("Hi"):
        break
    gc.collect()
    assert await _ends(emulator) == [JournalEnd.ABORTED]


async def test_closing_a_stream_that_sent_nothing_is_harmless() -> None:
    emulator = Emulator()
    stream = async_client(emulator).generate_stream("Hi")
    await stream.aclose()
    await stream.aclose()
    assert await _texts(stream) == []
    assert emulator.journal == []


async def test_closing_after_the_end_keeps_the_answer_whole() -> None:
    stream = _stream()
    await stream.finish()
    await stream.aclose()
    assert stream.response.complete is Completeness.CONFIRMED


async def test_cancel_from_another_task_while_it_opens_is_a_plain_end() -> None:
    silent, gone = asyncio.Event(), asyncio.Event()
    stream = client_of(Service(held(silent=silent, gone=gone))).generate_stream("Hi")
    reading = asyncio.create_task(_texts(stream))
    await silent.wait()
    stream.cancel()
    assert await reading == []
    await gone.wait()


async def test_cancel_from_another_task_while_it_waits_is_a_plain_end() -> None:
    silent, gone = asyncio.Event(), asyncio.Event()
    service = Service(held(chunk("a"), silent=silent, gone=gone))
    stream = client_of(service).generate_stream("Hi")
    await anext(stream)
    reading = asyncio.create_task(_texts(stream))
    await silent.wait()
    stream.cancel()
    assert await reading == []
    await gone.wait()


async def test_cancel_between_chunks_drops_what_was_ready() -> None:
    service = Service(streamed(chunk("a"), chunk("b"), finish("c")))
    stream = client_of(service).generate_stream("Hi")
    await anext(stream)
    stream.cancel()
    stream.cancel()
    assert await _texts(stream) == []
    assert stream.response.complete is Completeness.STOPPED


# --- callbacks -------------------------------------------------------------------------------


def _collector(texts: list[str], verdict: StreamControl | None = None) -> object:
    def look(chunk: Chunk) -> StreamControl | None:
        texts.append(chunk.text)
        return verdict

    return look


def _async_collector(texts: list[str], verdict: StreamControl | None = None) -> object:
    async def look(chunk: Chunk) -> StreamControl | None:
        texts.append(chunk.text)
        return verdict

    return look


@pytest.mark.parametrize("collector", [_collector, _async_collector])
@pytest.mark.parametrize("verdict", [None, StreamControl.CONTINUE])
async def test_a_callback_sees_every_chunk(collector, verdict) -> None:  # type: ignore[no-untyped-def]
    texts: list[str] = []
    response = await _stream().finish(collector(texts, verdict))
    assert "".join(texts) == response.text == "abc"


@pytest.mark.parametrize("collector", [_collector, _async_collector])
async def test_a_callback_ends_the_stream_by_stop(collector) -> None:  # type: ignore[no-untyped-def]
    texts: list[str] = []
    emulator = scripted(["a", Stall()])
    stream = async_client(emulator).generate_stream("Hi")
    response = await stream.finish(collector(texts, StreamControl.STOP))
    assert (texts, response.text, response.complete) == (["a"], "a", Completeness.STOPPED)
    assert await _ends(emulator) == [JournalEnd.ABORTED]


async def test_generate_with_a_callback_streams() -> None:
    emulator = scripted(["a", WaitForAck(), "b"])
    texts: list[str] = []

    def look(chunk: Chunk) -> None:
        texts.append(chunk.text)
        emulator.ack()

    response = await async_client(emulator).generate("Hi", on_chunk=look)
    assert "".join(texts) == response.text == "ab"


async def test_an_error_of_a_callback_reaches_the_caller_and_ends_the_answer() -> None:
    emulator = scripted(["a", Stall()])

    def fail(chunk: Chunk) -> None:
        raise LookupError(chunk.text)

    with pytest.raises(LookupError):
        await async_client(emulator).generate("Hi", on_chunk=fail)
    assert await _ends(emulator) == [JournalEnd.ABORTED]


# --- what breaks -----------------------------------------------------------------------------


async def _read_into(stream: GenerateStream, got: list[str]) -> None:
    async for one in stream:
        got.append(one.text)


async def _failure(client: AsyncClient) -> tuple[list[str], Exception]:
    texts: list[str] = []
    stream = client.generate_stream("Hi")
    with pytest.raises(Exception) as caught:
        await _read_into(stream, texts)
    with pytest.raises(type(caught.value)):  # and again, for who asks again
        await anext(stream)
    return texts, caught.value


async def test_a_cut_after_the_first_chunk_tells_what_arrived() -> None:
    emulator = scripted(["Once upon", " a time", Cut()])
    texts, error = await _failure(async_client(emulator))
    assert isinstance(error, StreamInterrupted)
    assert (error.partial, error.delivered) == ("Once upon a time", len(texts))
    assert error.usage.candidates_token_count > 0
    assert len(emulator.journal) == 1


async def test_a_clean_end_without_a_finish_is_a_truncation() -> None:
    texts, error = await _failure(async_client(scripted(["a", End()])))
    assert type(error).__name__ == "StreamTruncated"
    assert error.partial == "a" == "".join(texts)  # type: ignore[attr-defined]


async def test_a_cut_after_the_finish_leaves_the_answer_unconfirmed() -> None:
    stream = client_of(Service(cut(chunk("a"), finish("b")))).generate_stream("Hi")
    assert await _texts(stream) == ["a", "b"]
    assert (stream.response.text, stream.response.complete) == ("ab", Completeness.UNCONFIRMED)


FAULTS = [
    ErrorInStream(code=429, message="slow down"),
    NakedError(code=429, message="slow down"),
    NakedError(code=429, message="slow down", pretty=True),
]


@pytest.mark.parametrize("fault", FAULTS, ids=["in an event", "naked", "naked and pretty"])
async def test_an_error_inside_a_stream_is_raised_after_what_came_before(fault: object) -> None:
    emulator = scripted(["a", fault])  # type: ignore[list-item]
    texts, error = await _failure(async_client(emulator))
    assert isinstance(error, ResourceExhausted)
    assert ("".join(texts), error.delivered, error.message) == ("a", len(texts), "slow down")
    assert len(emulator.journal) == 1  # not tried again: something was delivered


async def test_an_error_in_the_first_event_of_a_stream_is_tried_again() -> None:
    emulator = scripted([ErrorInStream(code=503)], ["a"])
    stream = async_client(emulator).generate_stream("Hi")
    assert "".join(await _texts(stream)) == "a"
    assert stream.response.attempts == 2


async def test_a_stream_that_is_only_an_error_raises_it() -> None:
    texts, error = await _failure(async_client(scripted([ErrorInStream(code=400)])))
    assert isinstance(error, APIError)
    assert (texts, error.code, error.delivered) == ([], 400, 0)


# --- models that do not stream ---------------------------------------------------------------

STREAMS = {
    "gemini-2.5-flash": True,
    "models/gemini-2.5-pro": True,
    "gemini-2.5-flash-image": True,
    "gemini-2.0-flash-live": True,
    "a-model-of-tomorrow": True,
    "tunedModels/mine": True,
    "gemini-embedding-001": False,
    "models/text-embedding-004": False,
    "imagen-4.0-generate-001": False,
    "veo-3.1-generate-preview": False,
}


@pytest.mark.parametrize(("model", "streams"), STREAMS.items())
async def test_supports_streaming_knows(model: str, streams: bool) -> None:
    assert async_client(Emulator()).supports_streaming(model) is streams


@pytest.mark.parametrize("model", [model for model, streams in STREAMS.items() if not streams])
async def test_a_model_that_does_not_stream_is_refused_at_once(model: str) -> None:
    emulator = Emulator()
    with pytest.raises(StreamingNotSupported) as caught:
        async_client(emulator).generate_stream("Hi", model=model)
    assert caught.value.model == model.removeprefix("models/")
    assert emulator.journal == []
