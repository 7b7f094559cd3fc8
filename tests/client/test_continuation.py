"""Answers of several hops: what the service wants continued, and what broke at a token."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from typing import Any

import pytest

from gemstream import ASGITransport, Client, Completeness, RetryPolicy, StreamControl, Timeouts
from gemstream.client.hops import MOST_HOPS
from gemstream.client.request import Draft
from gemstream.errors import (
    GemstreamError,
    InvalidRequest,
    NotFound,
    ProtocolError,
    StreamInterrupted,
    StreamTruncated,
    TotalTimeout,
    Unavailable,
)
from support.clock import in_no_time
from support.peers import App, respond
from support.service import (
    AT_ONCE,
    KEY,
    Service,
    chunk,
    client_of,
    cut,
    failed,
    held,
    said,
    streamed,
)

ERROR = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


def piece(text: str, token: str | None = None, finish: str | None = None) -> dict[str, Any]:
    """Return a chunk that may carry a token; every hop counts 5 prompt tokens and 2 of its own."""
    message = chunk(text, finish=finish)
    if token is not None:
        message["candidates"][0]["continuationToken"] = token
    message["usageMetadata"] = {"promptTokenCount": 5, "candidatesTokenCount": 2}
    return message


def burst(*payloads: Any) -> App:
    """Return a stream whose events arrive in one read."""
    return streamed(b"".join(b"data: %b\r\n\r\n" % json.dumps(it).encode() for it in payloads))


async def texts(service: Service, **options: Any) -> tuple[list[tuple[str, int]], Any]:
    """Return text and hop of every chunk, and the stream."""
    seen = []
    stream = client_of(service, **options.pop("client", {})).generate_stream("Hi", **options)
    async for one in stream:
        seen.append((one.text, one.hop))
    return seen, stream


# --- the service wants it continued ----------------------------------------------------------

FIRST = [piece("one "), piece("two ", "dDE=", "CONTINUATION")]
LAST = [piece("three"), piece("", finish="STOP")]


@pytest.mark.parametrize("first", [streamed(*FIRST), cut(*FIRST), burst(*FIRST)])
async def test_an_answer_goes_on_where_the_service_says(first: App) -> None:
    service = Service(first, streamed(*LAST))
    seen, stream = await texts(service)
    assert seen == [("one ", 1), ("two ", 1), ("three", 2), ("", 2)]
    response = stream.response
    assert (response.text, response.finish_reason) == ("one two three", "STOP")
    assert (response.complete, response.hops) == (Completeness.CONFIRMED, 2)
    assert response.attempts == 2
    assert (response.usage.prompt_token_count, response.usage.candidates_token_count) == (10, 4)
    assert response.message.usage_metadata == response.usage


async def test_the_next_hop_is_the_same_request_with_the_token() -> None:
    service = Service(streamed(*FIRST), streamed(*LAST))
    await texts(service, temperature=0.25)
    one, two = service.asked
    assert two.json == {**one.json, "continuationToken": "dDE="}
    assert two.body.endswith(one.body[1:])


async def test_an_unstreamed_answer_goes_on_as_well() -> None:
    service = Service(said(piece("one ", "dDE=", "CONTINUATION")), said(piece("two", None, "STOP")))
    response = await client_of(service).generate("Hi")
    assert (response.text, response.finish_reason, response.hops) == ("one two", "STOP", 2)
    assert (response.usage.prompt_token_count, response.attempts) == (10, 2)
    assert service.last.json["continuationToken"] == "dDE="


async def test_only_the_end_of_the_last_hop_is_final() -> None:
    service = Service(streamed(*FIRST), streamed(*LAST))
    final = [one.is_final async for one in client_of(service).generate_stream("Hi")]
    assert final == [False, False, False, True]


async def test_a_hop_may_bring_nothing_but_thoughts_and_a_token() -> None:
    thinking = piece("", "dDE=", "CONTINUATION")
    service = Service(streamed(thinking), streamed(piece("", "dDI=", "CONTINUATION")), burst(*LAST))
    seen, stream = await texts(service)
    assert seen == [("", 1), ("", 2), ("three", 3), ("", 3)]
    assert stream.response.hops == 3


async def test_the_callers_token_begins_the_first_hop() -> None:
    service = Service(streamed(*FIRST), streamed(*LAST))
    await texts(service, continuation_token="bXk=")
    assert [asked.json["continuationToken"] for asked in service.asked] == ["bXk=", "dDE="]


async def test_the_token_has_one_way_in() -> None:
    with pytest.raises(InvalidRequest, match="continuation_token="):
        client_of(Service()).generate_stream("Hi", extra_body={"continuationToken": "dDE="})


async def test_a_wish_without_a_token_is_an_answer_cut_short() -> None:
    service = Service(streamed(piece("one"), piece("", None, "CONTINUATION")))
    with pytest.raises(StreamTruncated, match="no token") as caught:
        await texts(service)
    assert caught.value.partial == "one"


@pytest.mark.parametrize("way", ["stream", "whole"])
async def test_a_token_that_leads_in_a_circle_ends_the_call(way: str) -> None:
    again = piece("a", "dDE=", "CONTINUATION")
    client = client_of(Service(streamed(again) if way == "stream" else said(again)))
    call = client.generate_stream("Hi").finish() if way == "stream" else client.generate("Hi")
    with pytest.raises(ProtocolError, match="token") as caught:
        await call
    assert caught.value.partial == "aa"


class _Endless:
    """A service that is never done: every answer is one word and another token."""

    def __init__(self, way: str) -> None:
        self._answers = streamed if way == "stream" else said
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        answer = self._answers(piece("a", f"t{self.asked}", "CONTINUATION"))
        await answer(scope, receive, send)


@pytest.mark.parametrize("way", ["stream", "whole"])
async def test_an_answer_that_never_ends_is_not_followed_for_ever(way: str) -> None:
    service = _Endless(way)
    client = client_of(service)
    call = client.generate_stream("Hi").finish() if way == "stream" else client.generate("Hi")
    with pytest.raises(ProtocolError, match=f"after {MOST_HOPS} hops") as caught:
        await call
    assert service.asked == MOST_HOPS
    assert caught.value.partial == "a" * MOST_HOPS
    assert caught.value.continuation_token == f"t{MOST_HOPS}"


@pytest.mark.parametrize("way", ["stream", "whole"])
async def test_a_hop_that_cannot_begin_tells_what_came_before(way: str) -> None:
    first = piece("one ", "dDE=", "CONTINUATION")
    gone = failed(404, "NOT_FOUND")
    client = client_of(Service(streamed(first) if way == "stream" else said(first), gone))
    call = client.generate_stream("Hi").finish() if way == "stream" else client.generate("Hi")
    with pytest.raises(NotFound) as caught:
        await call
    error = caught.value
    assert (error.partial, error.continuation_token) == ("one ", "dDE=")
    assert error.usage.prompt_token_count == 5
    assert error.delivered == (1 if way == "stream" else 0)


async def test_a_hop_is_tried_again_as_a_first_request_is() -> None:
    service = Service(streamed(*FIRST), failed(503, "UNAVAILABLE"), streamed(*LAST))
    seen, stream = await texts(service)
    assert [text for text, _ in seen] == ["one ", "two ", "three", ""]
    assert stream.response.attempts == 3


async def test_a_stop_between_hops_sends_no_further_request() -> None:
    service = Service(streamed(*FIRST), streamed(*LAST))
    response = await client_of(service).generate(
        "Hi", on_chunk=lambda one: StreamControl.STOP if one.text == "two " else None
    )
    assert (response.text, response.complete) == ("one two ", Completeness.STOPPED)
    assert len(service.asked) == 1


# --- it broke at a token ---------------------------------------------------------------------

TOKEN = piece("one ", "dDE=")

# The first hop, and the chunks of it that the caller is given.
BROKEN = [
    (cut(TOKEN), ["one "]),
    (streamed(TOKEN), ["one "]),
    (burst(TOKEN, ERROR), ["one "]),
    (burst(TOKEN, piece("lost"), ERROR), ["one "]),
    (burst(piece("zero "), TOKEN, piece("lost"), piece("too"), ERROR), ["zero ", "one "]),
]


@pytest.mark.parametrize(("first", "given"), BROKEN)
async def test_an_answer_that_broke_at_a_token_goes_on(first: App, given: list[str]) -> None:
    service = Service(first, streamed(*LAST))
    seen, stream = await texts(service)
    assert [text for text, _ in seen] == [*given, "three", ""]
    response = stream.response
    assert (response.text, response.complete) == ("".join([*given, "three"]), "confirmed")
    assert (response.attempts, response.hops) == (2, 2)
    # What was cut off behind the token is not billed, its hop's prompt is.
    assert (response.usage.prompt_token_count, response.usage.candidates_token_count) == (10, 4)
    assert service.last.json["continuationToken"] == "dDE="
    assert service.last.headers["x-gemstream-attempt"] == "2"


@pytest.mark.parametrize("end", [cut, streamed])
async def test_nothing_goes_on_behind_what_was_delivered(end: Any) -> None:
    service = Service(end(TOKEN, piece("two")), streamed(*LAST))
    with pytest.raises((StreamInterrupted, StreamTruncated)) as caught:
        await texts(service)
    error = caught.value
    assert (error.partial, error.delivered, error.continuation_token) == ("one two", 2, "dDE=")
    assert len(service.asked) == 1


async def test_an_error_that_does_not_pass_is_raised_at_a_token_too() -> None:
    denied = {"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}}
    service = Service(burst(TOKEN, denied), streamed(*LAST))
    with pytest.raises(GemstreamError, match="no") as caught:
        await texts(service)
    assert (caught.value.partial, caught.value.continuation_token) == ("one ", "dDE=")
    assert len(service.asked) == 1


async def test_going_on_is_a_retry_and_ends_as_retries_do() -> None:
    """Each hop brings the token of the hop before and breaks at once: no progress is made."""
    service = Service(burst(TOKEN, ERROR), burst(TOKEN, ERROR))
    with pytest.raises(Unavailable):
        await texts(service, client={"retry": RetryPolicy(base=0.0, attempts=3)})
    assert len(service.asked) == 3


async def test_without_retries_nothing_goes_on() -> None:
    service = Service(cut(TOKEN), streamed(*LAST))
    with pytest.raises(StreamInterrupted) as caught:
        await texts(service, client={"retry": RetryPolicy(attempts=1)})
    assert (caught.value.partial, caught.value.continuation_token) == ("one ", "dDE=")


async def test_the_partial_answer_is_exact_at_every_chunk() -> None:
    service = Service(burst(piece("a"), TOKEN, piece("lost"), ERROR), burst(*LAST))
    stream = client_of(service, retry=AT_ONCE).generate_stream("Hi")
    said_so_far = ""
    async for one in stream:
        said_so_far += one.text
        assert stream.response.text == said_so_far
    assert said_so_far == "aone three"


def test_the_blocking_face_gives_the_same() -> None:
    service = Service(burst(piece("a"), TOKEN, piece("lost"), ERROR), burst(*LAST))
    with Client(KEY, base_url="http://service", transport=ASGITransport(service)) as client:
        stream = client.generate_stream("Hi")
        seen = [(one.text, one.hop, stream.response.finish_reason) for one in stream]
        response = stream.response
    assert seen == [("a", 1, None), ("one ", 1, None), ("three", 2, None), ("", 2, "STOP")]
    assert (response.text, response.hops, response.attempts) == ("aone three", 2, 2)
    assert response.usage.prompt_token_count == 10


# --- what a token cannot lead on from --------------------------------------------------------


def both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return one chunk of two candidates."""
    (second,) = other["candidates"]
    return {**one, "candidates": [*one["candidates"], {**second, "index": 1}]}


async def test_a_token_behind_which_another_candidate_spoke_leads_nowhere() -> None:
    service = Service(cut(both(TOKEN, piece("other"))), streamed(*LAST))
    with pytest.raises(StreamInterrupted) as caught:
        await texts(service)
    assert (caught.value.partial, caught.value.continuation_token) == ("one ", "dDE=")
    assert len(service.asked) == 1


async def test_an_answer_that_ended_at_its_token_does_not_go_on() -> None:
    """At MAX_TOKENS the service may give a token for a larger budget, not for this request."""
    service = Service(burst(piece("one", "dDE=", "MAX_TOKENS"), ERROR), streamed(*LAST))
    with pytest.raises(Unavailable) as caught:
        await texts(service)
    assert (caught.value.partial, caught.value.continuation_token) == ("one", "dDE=")
    assert len(service.asked) == 1


@pytest.mark.parametrize("way", ["stream", "whole"])
@pytest.mark.parametrize(
    ("payload", "said_so"),
    [
        (piece("one", None, "CONTINUATION"), "no token"),
        (both(piece("one", "dDE=", "CONTINUATION"), piece("x", None, "STOP")), "candidates"),
    ],
)
async def test_an_answer_that_wants_more_and_cannot_is_cut_short_on_both_ways(
    payload: Any, said_so: str, way: str
) -> None:
    client = client_of(Service(streamed(payload) if way == "stream" else said(payload)))
    call = client.generate_stream("Hi").finish() if way == "stream" else client.generate("Hi")
    with pytest.raises(StreamTruncated, match=said_so) as caught:
        await call
    assert caught.value.partial == "one"


async def test_what_a_hop_left_out_counts_is_left_out_when_the_next_cannot_begin() -> None:
    lost = piece("lost")
    lost["usageMetadata"]["candidatesTokenCount"] = 99
    service = Service(burst(TOKEN, lost, ERROR), failed(404, "NOT_FOUND"))
    with pytest.raises(NotFound) as caught:
        await texts(service)
    error = caught.value
    assert (error.partial, error.usage.candidates_token_count) == ("one ", 2)


# --- how long the request is kept ------------------------------------------------------------


@pytest.mark.parametrize("end", ["read", "closed", "unread", "failed"])
async def test_a_stream_that_is_over_lets_go_of_its_request(end: str) -> None:
    service = Service(streamed(*LAST) if end != "failed" else failed(404, "NOT_FOUND"))
    stream = client_of(service).generate_stream("x" * 1_000_000)
    if end == "closed":
        await anext(stream)
    if end in ("read", "failed"):
        with contextlib.suppress(NotFound):
            await stream.finish()
    else:
        await stream.aclose()
    hops = stream._hops
    assert not hops._body
    assert not any(isinstance(one, Draft) for one in gc.get_referents(hops._finish_body))


# --- time ------------------------------------------------------------------------------------


def slow(seconds: float, *payloads: Any) -> App:
    """Return a stream that brings each of ``payloads`` after so many seconds."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, headers={"content-type": "text/event-stream"})
        for payload in payloads:
            await asyncio.sleep(seconds)
            body = b"data: %b\r\n\r\n" % json.dumps(payload).encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer


TIMED = Timeouts(total=60.0)


def test_each_hop_has_a_total_timeout_of_its_own() -> None:
    service = Service(slow(25.0, *FIRST), slow(25.0, *LAST))
    seen, _ = in_no_time(texts(service, timeouts=TIMED))
    assert [text for text, _ in seen] == ["one ", "two ", "three", ""]


@pytest.mark.parametrize("last", [slow(35.0, *LAST), slow(70.0, *LAST)])
def test_a_hop_that_takes_too_long_tells_what_came_before(last: App) -> None:
    """Before its first chunk, and after: a timeout of the caller's is no break to go on from."""
    service = Service(slow(25.0, *FIRST), last)
    with pytest.raises(TotalTimeout) as caught:
        in_no_time(texts(service, timeouts=TIMED))
    error = caught.value
    assert error.partial.startswith("one two ")
    assert (error.continuation_token, error.delivered) == ("dDE=", len(error.partial.split()))
    assert len(service.asked) == 2


def test_a_timeout_at_a_token_is_no_break_to_go_on_from() -> None:
    service = Service(held(TOKEN), streamed(*LAST))
    with pytest.raises(TotalTimeout) as caught:
        in_no_time(texts(service, timeouts=TIMED))
    assert (caught.value.partial, caught.value.continuation_token) == ("one ", "dDE=")
    assert len(service.asked) == 1
