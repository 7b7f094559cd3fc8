"""Answers of several hops against a plain model: a row of words, told once each and in order.

The service begins behind the word that the token names. Where it breaks off, how its bytes fall
into reads and when the caller leaves are drawn.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream import ASGITransport, AsyncClient, Client, Completeness, GemstreamError, RetryPolicy
from gemstream.client.stream import GenerateStream
from gemstream.telemetry.events import CallEnded, CallStarted, ChunkReceived, Event
from support.peers import Receive, Send
from support.service import KEY, Service, client_of, piecewise

PROMPT = 5  # tokens that each hop reads again
PATIENT = RetryPolicy(base=0.0, throttled_base=0.0, attempts=20)


class Hop(NamedTuple):
    """How one request ends: after so many words, and in which way."""

    words: int
    end: str


class Plan(NamedTuple):
    """An answer: which of its words bring a token, its requests in turn, the sizes of reads."""

    tokens: tuple[bool, ...]
    hops: tuple[Hop, ...]
    reads: tuple[int, ...]

    @property
    def text(self) -> str:
        return "".join(f"w{number} " for number in range(len(self.tokens)))


ENDS = ("stop", "continuation", "cut", "error", "truncated", "unterminated")
HOPS = st.builds(Hop, st.integers(1, 4), st.sampled_from(ENDS))
PLANS = st.builds(
    Plan,
    st.lists(st.booleans(), min_size=1, max_size=8).map(tuple),
    st.lists(HOPS, max_size=4).map(tuple),
    st.lists(st.sampled_from([1, 40, 150, 400, 4000]), min_size=1, max_size=6).map(tuple),
)


def service_of(plan: Plan) -> Service:
    """Return the service that answers by ``plan``, and in full once that is used up."""
    hops = iter(plan.hops)

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        token = service.last.json.get("continuationToken", "0")
        begin = int(token.removesuffix("="))
        hop = next(hops, Hop(len(plan.tokens), "stop"))
        body = b"".join(_events(plan, begin, hop))
        if hop.end == "unterminated":
            body = body.rstrip(b"\r\n")
        await piecewise(body, plan.reads, is_cut=hop.end == "cut")(scope, receive, send)

    service = Service(answer)
    return service


def _events(plan: Plan, begin: int, hop: Hop) -> Iterator[bytes]:
    end = len(plan.tokens) if hop.end == "stop" else min(begin + hop.words, len(plan.tokens))
    for number in range(begin, end):
        is_last = number == end - 1
        candidate: dict[str, Any] = {"content": {"parts": [{"text": f"w{number} "}]}}
        if plan.tokens[number] or (is_last and hop.end == "continuation"):
            candidate["continuationToken"] = f"{number + 1}="
        if is_last and hop.end == "continuation":
            candidate["finishReason"] = "CONTINUATION"
        yield _event(candidate, number - begin + 1)
    if hop.end == "stop":
        yield _event({"finishReason": "STOP"}, max(end - begin, 0))
    if hop.end == "error":
        yield _sse({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}})


def _event(candidate: dict[str, Any], words: int) -> bytes:
    usage = {"promptTokenCount": PROMPT, "candidatesTokenCount": words}
    return _sse({"candidates": [candidate], "usageMetadata": usage})


def _sse(message: Any) -> bytes:
    return b"data: %b\r\n\r\n" % json.dumps(message).encode()


class Account(NamedTuple):
    """What a caller was told, chunk by chunk and at the end."""

    chunks: list[Any]
    error: GemstreamError | None
    response: Any


def _check(plan: Plan, account: Account, service: Service) -> None:
    chunks, error, response = account
    said = "".join(one.text for one in chunks)
    assert plan.text.startswith(said)
    assert response.text == said
    assert (response.usage, response.hops) == (chunks[-1].usage, chunks[-1].hop)
    kept = {one.hop for one in chunks}
    assert response.usage.prompt_token_count == PROMPT * len(kept)
    assert response.usage.candidates_token_count == said.count("w")
    if error is None:
        assert (said, response.complete) == (plan.text, Completeness.CONFIRMED)
        assert response.attempts == len(service.asked)
        return
    tokens = [chunk.message.candidates[0].continuation_token for chunk in chunks]
    assert tokens[-1] is None, "an answer that broke at a token goes on"
    assert (error.partial, error.delivered) == (said, len(chunks))
    assert error.usage == response.usage
    assert error.continuation_token == next((one for one in reversed(tokens) if one), None)


@given(PLANS)
def test_no_word_is_lost_or_said_twice(plan: Plan) -> None:
    service, told = service_of(plan), list[Event]()
    account = asyncio.run(_read(client_of(service, retry=PATIENT, on_event=told.append)))
    if account.chunks:
        _check(plan, account, service)
    assert isinstance(told[0], CallStarted)
    assert isinstance(told[-1], CallEnded)
    assert sum(isinstance(event, CallEnded) for event in told) == 1
    assert sum(isinstance(event, ChunkReceived) for event in told) == len(account.chunks)
    assert (told[-1].attempts, told[-1].error) == (len(service.asked), account.error)


async def _read(client: AsyncClient) -> Account:
    stream = client.generate_stream("Hi")
    chunks: list[Any] = []
    error: GemstreamError | None = None
    try:
        async for chunk in stream:
            chunks.append(chunk)
            response = stream.response
            assert response.text == "".join(one.text for one in chunks)
            assert (response.usage, response.hops) == (chunk.usage, chunk.hop)
            assert response.message.usage_metadata == chunk.usage
    except GemstreamError as caught:
        error = caught
    return Account(chunks, error, stream.response if chunks else None)


@given(PLANS)
def test_both_faces_tell_the_same(plan: Plan) -> None:
    one = asyncio.run(_read(client_of(service_of(plan), retry=PATIENT)))
    transport = ASGITransport(service_of(plan))  # type: ignore[arg-type]
    with Client(KEY, base_url="http://service", transport=transport, retry=PATIENT) as client:
        stream = client.generate_stream("Hi")
        chunks: list[Any] = []
        error: GemstreamError | None = None
        try:
            chunks.extend(stream)
        except GemstreamError as caught:
            error = caught
        assert chunks == one.chunks
        assert (stream.response if chunks else None) == one.response
    assert _facts(error) == _facts(one.error)


def _facts(error: GemstreamError | None) -> object:
    if error is None:
        return None
    known = (error.partial, error.usage, error.continuation_token, error.delivered)
    return type(error), error.args, known


# --- leaving ---------------------------------------------------------------------------------


async def _close(stream: GenerateStream) -> None:
    await stream.aclose()


async def _cancel(stream: GenerateStream) -> None:
    stream.cancel()


async def _forget(stream: GenerateStream) -> None:
    """Let go of it, as who leaves its loop does."""


@given(PLANS, st.integers(0, 10), st.sampled_from([_close, _cancel, _forget]))
def test_who_leaves_has_what_was_delivered_and_one_end_is_told(
    plan: Plan, taken: int, leave: Callable[[GenerateStream], Any]
) -> None:
    service, told = service_of(plan), list[Event]()

    async def read() -> None:
        stream = client_of(service, retry=PATIENT, on_event=told.append).generate_stream("Hi")
        said, last = "", None
        try:
            for _ in range(taken):
                last = await anext(stream)
                said += last.text
        except (GemstreamError, StopAsyncIteration):
            pass
        await leave(stream)
        if last is not None:
            assert (stream.response.text, stream.response.usage) == (said, last.usage)
        del stream, last

    asyncio.run(read())
    starts = sum(isinstance(event, CallStarted) for event in told)
    assert starts == (1 if taken else 0)
    assert sum(isinstance(event, CallEnded) for event in told) == starts


TWO_HOPS = Plan((True, False, True, False), (Hop(2, "continuation"), Hop(1, "cut")), (4000,))


def _cancel_reader(stream: GenerateStream, reader: asyncio.Task[None]) -> None:
    reader.cancel()


def _end_stream(stream: GenerateStream, reader: asyncio.Task[None]) -> None:
    stream.cancel()


def _both(stream: GenerateStream, reader: asyncio.Task[None]) -> None:
    stream.cancel()
    reader.cancel()


@pytest.mark.parametrize("reads", [(4000,), (60,)])
@pytest.mark.parametrize("leave", [_cancel_reader, _end_stream, _both])
async def test_leaving_at_every_await_of_several_hops(leave: Any, reads: tuple[int, ...]) -> None:
    plan, ticks, is_over = TWO_HOPS._replace(reads=reads), 0, False
    while not is_over:
        ticks += 1
        is_over = await _left_after(ticks, plan, leave)
    assert ticks > 10


async def _left_alone(service: Service) -> None:
    for _ in range(1000):
        if not service.running:
            return
        await asyncio.sleep(0)
    raise AssertionError("the service still answers")


async def _left_after(ticks: int, plan: Plan, leave: Any) -> bool:
    """Leave after so many turns of the loop; return True when the answer had ended before."""
    service, told, said = service_of(plan), list[Event](), list[str]()
    stream = client_of(service, retry=PATIENT, on_event=told.append).generate_stream("Hi")

    async def read() -> None:
        async for chunk in stream:
            said.append(chunk.text)

    reader = asyncio.create_task(read())
    for _ in range(ticks):
        await asyncio.sleep(0)
    if is_over := reader.done():
        assert "".join(said) == plan.text
    leave(stream, reader)
    await asyncio.wait([reader])
    assert reader.cancelled() or reader.exception() is None
    assert reader.cancelled() is (leave is not _end_stream and not is_over)
    await stream.aclose()
    await _left_alone(service)
    assert stream.response.text == "".join(said)
    starts = sum(isinstance(event, CallStarted) for event in told)
    assert sum(isinstance(event, CallEnded) for event in told) == starts
    return is_over
