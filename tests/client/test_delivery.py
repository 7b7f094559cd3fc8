"""What a response holds is what the caller was given, however much had arrived by then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream import AsyncClient, StreamControl
from gemstream.emulator import Emulator, Rule, Script
from gemstream.errors import DecodeError, InvalidState, ProtocolError, TotalTimeout, Unavailable
from gemstream.policy.answer import Chunk, Completeness
from support.emulated import blocking_client
from support.service import KEY, SSE, Service, chunk, client_of, finish, said, sse

ERROR = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
# One network read brings all of it.
BURST = said(sse(chunk("a"), chunk("b"), finish("c")), kind=SSE)
BURST_WITH_FAULT = said(sse(chunk("a"), chunk("b"), ERROR), kind=SSE)


def stop(chunk: Chunk) -> StreamControl:
    return StreamControl.STOP


@pytest.mark.parametrize("answer", [BURST, BURST_WITH_FAULT], ids=["end", "fault"])
async def test_stop_holds_although_more_had_arrived(answer: Any) -> None:
    seen: list[str] = []
    response = await client_of(Service(answer)).generate(
        "Hi", on_chunk=lambda chunk: seen.append(chunk.text) or StreamControl.STOP
    )
    assert (seen, response.text, response.complete) == (["a"], "a", Completeness.STOPPED)


@pytest.mark.parametrize("answer", [BURST, BURST_WITH_FAULT], ids=["end", "fault"])
async def test_a_closed_stream_gives_nothing_more(answer: Any) -> None:
    stream = client_of(Service(answer)).generate_stream("Hi")
    await anext(stream)
    await stream.aclose()
    assert [chunk async for chunk in stream] == []
    assert stream.response.complete is Completeness.STOPPED


async def test_a_response_grows_with_what_is_given() -> None:
    stream = client_of(Service(BURST)).generate_stream("Hi")
    texts = []
    async for _ in stream:
        texts.append((stream.response.text, stream.response.complete.value))
    assert texts == [("a", "partial"), ("ab", "partial"), ("abc", "partial")]
    assert stream.response.complete is Completeness.CONFIRMED


async def test_a_fault_waits_for_the_chunks_before_it_and_counts_them() -> None:
    stream = client_of(Service(BURST_WITH_FAULT)).generate_stream("Hi")
    with pytest.raises(Unavailable) as caught:
        await stream.finish()
    assert caught.value.delivered == 2


def test_the_blocking_face_gives_no_more_than_it_gave() -> None:
    with blocking_client(Emulator(Script([Rule(steps=["a", "b", "c"])]))) as client:
        response = client.generate("Hi", on_chunk=stop)
        assert (response.text, response.complete) == ("a", Completeness.STOPPED)
        stream = client.generate_stream("Hi")
        assert [(chunk.text, stream.response.text) for chunk in stream] == [
            ("a", "a"),
            ("b", "ab"),
            ("c", "abc"),
        ]
        assert stream.response.complete is Completeness.CONFIRMED


async def test_a_stream_ended_before_its_first_chunk_has_an_empty_response() -> None:
    stream = client_of(Service(BURST)).generate_stream("Hi")
    stream.cancel()
    response = await stream.finish()
    assert (response.text, response.complete) == ("", Completeness.STOPPED)


async def test_a_field_nobody_knows_in_a_content_survives_the_fold() -> None:
    new = {"candidates": [{"content": {"parts": [{"text": "b"}], "mood": "glad"}}]}
    body = said(sse(chunk("a"), new, finish("c")), kind=SSE)
    response = await client_of(Service(body)).generate_stream("Hi").finish()
    content = response.candidates[0].content
    assert content is not None and content.extra == {"mood": "glad"}


ECHOES = {
    "page": said(b"<html>x-goog-api-key: " + KEY.encode() + b"</html>", kind="text/html"),
    "wrong field": said({"candidates": KEY, "totalTokens": KEY, "models": KEY}),
    "no json": said(b"oops " + KEY.encode()),
    "cut key": said(b"x" * 170 + KEY.encode() * 2),
}


@pytest.mark.parametrize("name", ["generate", "stream", "count_tokens", "models", "request"])
@pytest.mark.parametrize("echo", ECHOES)
async def test_a_key_that_an_answer_repeats_is_in_no_error(name: str, echo: str) -> None:
    calls: dict[str, Any] = {
        "generate": lambda client: client.generate("Hi"),
        "stream": lambda client: client.generate_stream("Hi").finish(),
        "count_tokens": lambda client: client.count_tokens("Hi"),
        "models": lambda client: client.models.list(),
        "request": lambda client: client.request("GET", "models"),
    }
    try:
        await calls[name](client_of(Service(ECHOES[echo])))
    except ProtocolError as error:
        told = repr((str(error), error.args, error.excerpt))
        assert not any(KEY[at : at + 8] in told for at in range(len(KEY) - 8))
    else:
        assert (name, echo) == ("request", "wrong field")  # plain JSON is what was asked for


async def test_total_covers_credentials_that_hang() -> None:
    class Hanging:
        account = "hanging"

        async def headers(self) -> dict[str, str]:
            await asyncio.Event().wait()
            return {}

        def redact(self, data: bytes) -> bytes:
            return data

    async with AsyncClient(credentials=Hanging(), base_url="http://127.0.0.1:9") as client:
        with pytest.raises(TotalTimeout):
            await client.generate("Hi", timeouts=0.05)


async def test_a_list_of_models_that_never_ends_is_told() -> None:
    page = said({"models": [], "nextPageToken": "again"})
    with pytest.raises(ProtocolError, match="again"):
        await client_of(Service(page)).models.list()


async def test_a_larger_cap_holds_for_unstreamed_answers_too() -> None:
    with pytest.raises(DecodeError):
        await client_of(Service(said(b"[1]")), max_event_size=2**30).generate("Hi")
    big = said(finish("x" * 70_000))
    assert len((await client_of(Service(big), max_event_size=80_000).generate("Hi")).text) == 70_000
    with pytest.raises(ProtocolError, match="max_event_size"):
        await client_of(Service(big), max_event_size=60_000).generate("Hi")


async def test_the_model_used_last_keeps_its_channel() -> None:
    async with client_of(Service(BURST)) as client:
        mine = client._channels.of("mine")
        for number in range(2000):
            client._channels.of(f"m{number}")
            assert client._channels.of("mine") is mine


async def test_a_second_reader_does_not_end_the_first() -> None:
    stream = client_of(Service(BURST)).generate_stream("Hi")
    first = asyncio.create_task(stream.__anext__())
    await asyncio.sleep(0)
    with pytest.raises(InvalidState):
        await stream.__anext__()
    assert (await first).text == "a"
