"""What ``on_event`` is told: every call of a model from its start to its one end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from gemstream import AsyncClient, GemstreamError, StreamControl
from gemstream.emulator import Chunk, Cut, Emulator, ErrorInStream, Stall, Status
from gemstream.errors import ConfigError, NotFound
from gemstream.telemetry.events import (
    AttemptFailed,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Event,
    HopStarted,
    Outcome,
)
from support.emulated import async_client, blocking_client, scripted
from support.service import KEY, Service, chunk, client_of, finish, said, sse, streamed

CONTINUED = {
    "candidates": [
        {
            "content": {"parts": [{"text": "one "}], "role": "model"},
            "finishReason": "CONTINUATION",
            "continuationToken": "dDE=",
        }
    ],
    "usageMetadata": {"promptTokenCount": 2},
}


async def whole(client: AsyncClient) -> None:
    await client.generate("Hi")


async def stream(client: AsyncClient) -> None:
    await client.generate_stream("Hi").finish()


async def stopped(client: AsyncClient) -> None:
    await client.generate("Hi", on_chunk=lambda _: StreamControl.STOP)


async def dropped(client: AsyncClient) -> None:
    async for _ in client.generate_stream("Hi"):
        break


async def count(client: AsyncClient) -> None:
    await client.count_tokens("Hi")


async def embed(client: AsyncClient) -> None:
    await client.embed("Hi")


# What the service does, what the caller does → the names of the events, the outcome.
CALLS: list[tuple[list[Any], Callable[[AsyncClient], Any], str, Outcome]] = [
    ([["a"]], whole, "start attempt end", Outcome.FINISHED),
    ([["a", "b"]], stream, "start attempt chunk chunk end", Outcome.FINISHED),
    ([["a"]], count, "start attempt end", Outcome.FINISHED),
    ([["a"]], embed, "start attempt end", Outcome.FINISHED),
    ([["a", "b"]], stopped, "start attempt chunk end", Outcome.STOPPED),
    ([["a", "b"]], dropped, "start attempt chunk end", Outcome.STOPPED),
    ([[Status(code=400)]], whole, "start attempt failed end", Outcome.FAILED),
    ([[Status(code=400)]], stream, "start attempt failed end", Outcome.FAILED),
    (
        [[Status(code=503)], ["a", "b"]],
        stream,
        "start attempt failed attempt chunk chunk end",
        Outcome.FINISHED,
    ),
    ([["a", ErrorInStream(code=500)]], stream, "start attempt chunk end", Outcome.FAILED),
    ([["a", Cut()]], stream, "start attempt chunk end", Outcome.FAILED),
    (
        [[Chunk(CONTINUED)], ["b"]],
        stream,
        "start attempt chunk hop attempt chunk end",
        Outcome.FINISHED,
    ),
    ([[Chunk(CONTINUED)], ["b"]], whole, "start attempt hop attempt end", Outcome.FINISHED),
]
NAMES = {
    "CallStarted": "start",
    "AttemptStarted": "attempt",
    "AttemptFailed": "failed",
    "ChunkReceived": "chunk",
    "HopStarted": "hop",
    "CallEnded": "end",
}


@pytest.mark.parametrize(("answers", "call", "names", "outcome"), CALLS)
async def test_a_call_tells_its_events_in_order(
    answers: list[Any], call: Callable[[AsyncClient], Any], names: str, outcome: Outcome
) -> None:
    told: list[Event] = []
    client = async_client(scripted(*answers), on_event=told.append)
    try:
        await call(client)
    except GemstreamError as error:
        raised: GemstreamError | None = error
    else:
        raised = None
    assert " ".join(NAMES[type(event).__name__] for event in told) == names
    assert len({event.call for event in told}) == 1
    assert [event.at for event in told] == sorted(event.at for event in told)
    end = told[-1]
    assert isinstance(end, CallEnded)
    assert (end.outcome, end.error) == (outcome, raised)
    assert end.attempts == sum(isinstance(event, AttemptStarted) for event in told)


async def test_the_start_says_who_is_asked_what() -> None:
    told: list[Event] = []
    client = async_client(Emulator(), on_event=told.append)
    await client.generate_stream("Hi", temperature=0.5, stop_sequences=["x"]).finish()
    start = told[0]
    assert isinstance(start, CallStarted)
    assert (start.operation, start.model) == ("streamGenerateContent", "gemini-2.5-flash")
    assert (start.provider, start.streams) == ("gcp.gemini", True)
    assert (start.server_address, start.server_port) == ("emulator", 80)
    assert start.parameters == {"temperature": 0.5, "stop_sequences": ["x"]}
    assert start.content is not None
    assert start.content()["contents"][0]["parts"] == [{"text": "Hi"}]


async def test_the_start_of_embeddings_says_how_long_they_are_to_be() -> None:
    told: list[Event] = []
    client = async_client(Emulator(), on_event=told.append)
    await client.embed("Hi", output_dimensionality=8)
    start, end = told[0], told[-1]
    assert isinstance(start, CallStarted)
    assert isinstance(end, CallEnded)
    assert start.parameters == {"output_dimensionality": 8}
    assert end.usage["prompt_token_count"] == 1


async def test_the_end_says_what_came_of_it() -> None:
    told: list[Event] = []
    client = async_client(Emulator(), on_event=told.append)
    stream = client.generate_stream("Count to 3")
    await stream.finish()
    end = told[-1]
    assert isinstance(end, CallEnded)
    response = stream.response
    assert end.usage["total_token_count"] == response.usage.total_token_count
    assert end.usage["prompt_tokens_details"][0]["modality"] == "TEXT"
    assert (end.finish_reasons, end.chunks) == (("STOP",), 3)
    assert (end.response_id, end.response_model) == (response.response_id, "gemini-2.5-flash")
    assert end.first_chunk_seconds is not None
    assert 0 < end.first_chunk_seconds <= end.seconds
    assert end.content is not None
    assert end.content()["candidates"][0]["content"]["parts"] == [{"text": "1, 2, 3"}]


async def test_a_cancelled_call_says_so() -> None:
    told: list[Event] = []
    client = async_client(scripted(["a", Stall()]), on_event=told.append)
    stream = client.generate_stream("Hi")
    await anext(stream)
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    end = told[-1]
    assert isinstance(end, CallEnded)
    assert (end.outcome, end.chunks, end.error) == (Outcome.CANCELLED, 1, None)


async def test_a_retry_says_why_and_when() -> None:
    told: list[Event] = []
    client = async_client(scripted([Status(code=503)], [Status(code=404)]), on_event=told.append)
    with pytest.raises(NotFound):
        await client.generate("Hi")
    failures = [event for event in told if isinstance(event, AttemptFailed)]
    assert [(one.attempt, one.error.code, one.retry_in) for one in failures] == [
        (1, 503, 0.0),
        (2, 404, None),
    ]


async def test_events_hold_no_prompt_no_answer_and_no_key() -> None:
    told: list[Event] = []
    client = async_client(scripted(["answered words"]), on_event=told.append)
    await client.generate_stream("secret words", system="hidden words").finish()
    shown = repr(told)
    for private in ("secret", "hidden", "answered", KEY):
        assert private not in shown


async def test_headers_of_a_hook_go_along_but_never_over_the_key() -> None:
    def hook(event: Event) -> None:
        if isinstance(event, AttemptStarted):
            event.headers.update({"Traceparent": "00-1", "X-Goog-Api-Key": "other"})

    service = Service(said(finish("a")))
    await client_of(service, on_event=hook).generate("Hi")
    assert service.last.headers["traceparent"] == "00-1"
    assert service.last.headers["x-goog-api-key"] == KEY


async def test_a_hook_that_fails_harms_nothing_and_is_logged_once(caplog: Any) -> None:
    def hook(event: Event) -> None:
        raise ZeroDivisionError

    client = async_client(Emulator(), on_event=hook)
    with caplog.at_level(logging.ERROR):
        response = await client.generate_stream("Count to 3").finish()
    assert response.text == "1, 2, 3"
    assert sum("failed" in record.getMessage() for record in caplog.records) == 1


def test_the_blocking_face_tells_the_same() -> None:
    told: list[Event] = []
    with blocking_client(scripted([Chunk(CONTINUED)], ["b"]), on_event=told.append) as client:
        assert client.generate_stream("Hi").finish().text == "one b"
    names = [type(event).__name__ for event in told]
    assert names[0] == "CallStarted"
    assert names[-1] == "CallEnded"
    assert any(isinstance(event, HopStarted) for event in told)


async def test_calls_have_numbers_of_their_own() -> None:
    told: list[Event] = []
    client = async_client(Emulator(), on_event=told.append)
    await asyncio.gather(*(client.generate(f"Hi {number}") for number in range(10)))
    ends = [event.call for event in told if isinstance(event, CallEnded)]
    assert len(set(ends)) == len(ends) == 10


def test_a_hook_must_be_callable() -> None:
    with pytest.raises(ConfigError, match="on_event"):
        AsyncClient("key", on_event="print")  # type: ignore[typeddict-item]


def test_a_hook_that_nothing_would_await_is_refused() -> None:
    async def hook(event: Event) -> None:
        """Never runs."""

    with pytest.raises(ConfigError, match="coroutine"):
        AsyncClient("key", on_event=hook)  # type: ignore[typeddict-item]


# Settings that only extra_body can ask for → what a hook is told of them.
ODD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"generationConfig": {"temperature": "hot"}}, {"temperature": "hot"}),
    ({"generationConfig": {"stopSequences": 5}}, {"stopSequences": 5}),
    ({"requests": 5}, {}),
    ({"requests": []}, {}),
]


@pytest.mark.parametrize(("extra", "parameters"), ODD)
async def test_to_listen_changes_nothing(extra: dict[str, Any], parameters: Any) -> None:
    told: list[Event] = []
    service = Service(said(finish("a")))
    assert (await client_of(service, on_event=told.append).generate("Hi", extra_body=extra)).text
    assert service.last.json.items() >= extra.items()
    start = told[0]
    assert isinstance(start, CallStarted)
    assert start.parameters == parameters


@pytest.mark.parametrize(("name", "value"), [("x", None), ("x", "a\r\nb"), ("a b", "c"), (5, "c")])
async def test_a_header_of_a_hook_that_cannot_be_sent_harms_nothing(
    name: Any, value: Any, caplog: Any
) -> None:
    def hook(event: Event) -> None:
        if isinstance(event, AttemptStarted):
            event.headers[name] = value
            event.headers["traceparent"] = "00-1"

    service = Service(said(finish("a")))
    assert (await client_of(service, on_event=hook).generate("Hi")).text == "a"
    assert service.last.headers["traceparent"] == "00-1"
    assert "cannot be sent" in caplog.text


BURST = [chunk("a"), chunk("b"), chunk("c", finish="STOP")]
BROKEN = {"error": {"code": 500, "message": "it failed", "status": "INTERNAL"}}
CONTINUES = chunk("a", finish="CONTINUATION")
CONTINUES["candidates"][0]["continuationToken"] = "dDE="

# One read of an answer, how many chunks the caller takes before it lets go, the outcome told.
LEFT: list[tuple[list[Any], int, Outcome]] = [
    (BURST, 1, Outcome.STOPPED),
    ([*BURST[:2], BROKEN], 1, Outcome.STOPPED),
    ([*BURST[:2], BROKEN], 2, Outcome.FAILED),  # the service failed; nothing was left out
    ([CONTINUES], 1, Outcome.STOPPED),
]


@pytest.mark.parametrize(("payloads", "taken", "outcome"), LEFT)
async def test_letting_go_of_a_stream_tells_its_end(
    payloads: list[Any], taken: int, outcome: Outcome
) -> None:
    told: list[Event] = []
    service = Service(streamed(sse(*payloads)))
    stream = client_of(service, on_event=told.append).generate_stream("Hi")
    for _ in range(taken):
        await anext(stream)
    del stream
    end = told[-1]
    assert isinstance(end, CallEnded)
    assert (end.outcome, end.chunks) == (outcome, taken)
    assert sum(isinstance(event, CallEnded) for event in told) == 1


async def test_a_stream_that_nobody_read_tells_nothing() -> None:
    told: list[Event] = []
    client = client_of(Service(), on_event=told.append)
    for leave in (lambda stream: stream.cancel(), lambda stream: None):
        leave(client.generate_stream("Hi"))
    assert told == []
