"""Answers that are not what they should be: each a typed error that says what came."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gemstream import AsyncClient
from gemstream.errors import (
    APIError,
    DecodeError,
    GemstreamError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ProtocolError,
    ResourceExhausted,
    StreamTruncated,
    Unauthenticated,
    Unavailable,
)
from support.peers import asgi_server
from support.service import (
    KEY,
    SSE,
    Service,
    chunk,
    client_of,
    failed,
    finish,
    said,
    sse,
    streamed,
)

Call = Callable[[AsyncClient], Coroutine[Any, Any, Any]]


async def _generate(client: AsyncClient) -> Any:
    return await client.generate("Hi")


async def _stream(client: AsyncClient) -> Any:
    return await client.generate_stream("Hi").finish()


async def _count(client: AsyncClient) -> Any:
    return await client.count_tokens("Hi")


BOTH = pytest.mark.parametrize("call", [_generate, _stream])


async def _error(call: Call, answer: Any, **options: Any) -> Any:
    with pytest.raises(GemstreamError) as caught:
        await call(client_of(Service(answer), **options))
    return caught.value


_PAGE = b"<!doctype html><title>Sign in to the network</title>"


@pytest.mark.parametrize("call", [_generate, _stream, _count])
async def test_a_web_page_instead_of_an_answer_says_so(call: Call) -> None:
    error = await _error(call, said(_PAGE, kind="text/html; charset=utf-8"))
    assert isinstance(error, DecodeError)
    assert "'text/html'" in str(error)
    assert "Sign in to the network" in str(error)
    assert "base_url" in str(error)


@BOTH
async def test_a_web_page_as_an_error_keeps_its_status_and_beginning(call: Call) -> None:
    error = await _error(call, said(_PAGE, kind="text/html", status=502))
    assert isinstance(error, Unavailable)
    assert (error.code, "Sign in to the network" in str(error)) == (502, True)


@BOTH
async def test_an_error_without_a_body_is_one_of_its_status(call: Call) -> None:
    error = await _error(call, said(b"", status=404))
    assert isinstance(error, NotFound)


@BOTH
async def test_a_redirect_is_an_error_and_not_followed(call: Call) -> None:
    error = await _error(call, said(b"", status=302, location="http://elsewhere"))
    assert isinstance(error, APIError)
    assert error.code == 302


@BOTH
async def test_an_error_inside_an_array_is_unwrapped(call: Call) -> None:
    envelope = {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}
    error = await _error(call, said([envelope], status=400))
    assert (type(error), error.message) == (InvalidArgument, "no")


_INVALID_UTF8 = b'{"candidates":[{"content":{"parts":[{"text":"\xff"}]}}]}'
_DEEP = b'{"candidates":' + b"[" * 100_000
BROKEN_STREAMS: dict[str, tuple[Any, type[GemstreamError]]] = {
    "no JSON": (b"data: {oops}\n\n", DecodeError),
    "cut JSON in an event": (b'data: {"candidates": [\n\n', DecodeError),
    "invalid UTF-8": (b"data: " + _INVALID_UTF8 + b"\n\n", DecodeError),
    "a number": (b"data: 42\n\n", DecodeError),
    "a string": (b'data: "hi"\n\n', DecodeError),
    "a wrong type": (b'data: {"candidates": 42}\n\n', DecodeError),
    "nested without end": (b"data: " + _DEEP + b"\n\n", DecodeError),
    "nothing": (b"", StreamTruncated),
    "only comments": (b": ping\n\n: ping\n\n", StreamTruncated),
    "only DONE": (b"data: [DONE]\n\n", StreamTruncated),
}


@pytest.mark.parametrize("case", BROKEN_STREAMS)
async def test_a_stream_that_cannot_be_read_is_a_typed_error(case: str) -> None:
    body, kind = BROKEN_STREAMS[case]
    assert isinstance(await _error(_stream, said(body, kind=SSE)), kind)


BROKEN_BODIES: dict[str, tuple[bytes, type[GemstreamError]]] = {
    "no JSON": (b"{oops}", DecodeError),
    "invalid UTF-8": (_INVALID_UTF8, DecodeError),
    "a number": (b"42", DecodeError),
    "a wrong type": (b'{"candidates": 42}', DecodeError),
    "nested without end": (_DEEP, ProtocolError),
    "cut": (b'{"candidates": [', ProtocolError),
    "nothing": (b"", ProtocolError),
}


@pytest.mark.parametrize("case", BROKEN_BODIES)
async def test_a_body_that_cannot_be_read_is_a_typed_error(case: str) -> None:
    body, kind = BROKEN_BODIES[case]
    assert isinstance(await _error(_generate, said(body)), kind)


@pytest.mark.parametrize("body", [b"{oops}", b"42", b'{"totalTokens": {}}', b"\xff"])
async def test_a_count_that_cannot_be_read_is_a_typed_error(body: bytes) -> None:
    assert isinstance(await _error(_count, said(body)), DecodeError)


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b'{"totalTokens": 1', b'{"a": "}'])
async def test_a_count_that_was_cut_short_says_so_and_may_pass(body: bytes) -> None:
    error = await _error(_count, said(body))
    assert isinstance(error, StreamTruncated) and error.retryable


async def test_embeddings_that_cannot_be_paired_are_an_error() -> None:
    answer = said({"embeddings": [{"values": [0.5]}]})
    error = await _error(lambda client: client.embed(["a", "b"]), answer)
    assert "2 contents with 1 embeddings" in str(error)


@pytest.mark.parametrize("body", [b"{oops}", b"[]", b"42", b'{"models": 1}', b"\xff"])
async def test_a_list_of_models_that_cannot_be_read_is_a_typed_error(body: bytes) -> None:
    assert isinstance(await _error(lambda client: client.models.list(), said(body)), DecodeError)


async def test_an_answer_to_a_raw_request_that_is_no_json_is_a_typed_error() -> None:
    call = lambda client: client.request("GET", "models")  # noqa: E731
    assert isinstance(await _error(call, said(b"{oops}")), DecodeError)


async def test_what_came_before_a_broken_event_is_delivered_first() -> None:
    texts = []
    answer = said(sse(chunk("a"), chunk("b")) + b"data: {oops}\n\n", kind=SSE)
    stream = client_of(Service(answer)).generate_stream("Hi")
    with pytest.raises(DecodeError) as caught:
        async for one in stream:
            texts.append(one.text)
    assert (texts, caught.value.delivered) == (["a", "b"], 2)


@BOTH
async def test_an_event_above_the_cap_is_a_typed_error_naming_the_cap(call: Call) -> None:
    answer = said(sse(finish("x" * 5000)), kind=SSE)
    error = await _error(call, answer, max_event_size=1000)
    assert isinstance(error, ProtocolError)
    assert "1000" in str(error)


async def test_a_body_above_the_cap_is_a_typed_error_naming_the_cap() -> None:
    error = await _error(_generate, said(finish("x" * 5000)), max_event_size=1000)
    assert "max_event_size of 1000 bytes" in str(error)


@BOTH
async def test_a_long_error_body_does_not_fill_the_memory(call: Call) -> None:
    error = await _error(call, said(b"x" * 5000, status=500), max_event_size=1000)
    assert isinstance(error, ProtocolError)


async def test_a_body_that_unpacks_above_the_cap_is_a_typed_error() -> None:
    bomb = said(gzip.compress(bytes(10_000_000)), content_encoding="gzip")
    async with asgi_server(bomb) as url, AsyncClient(KEY, base_url=url, max_event_size=1000) as one:
        with pytest.raises(ProtocolError, match="max_event_size of 1000 bytes"):
            await one.generate("Hi")


# --- answers that are unusual and right ------------------------------------------------------


async def test_a_plain_answer_to_a_stream_is_a_stream_of_one() -> None:
    response = await _stream(client_of(Service(said(finish("a")))))
    assert response.text == "a"


async def test_an_array_answer_to_a_stream_is_a_stream() -> None:
    response = await _stream(client_of(Service(said([chunk("a"), finish("b")]))))
    assert response.text == "ab"


async def test_a_streamed_answer_to_a_plain_call_is_folded() -> None:
    response = await _generate(client_of(Service(streamed(chunk("a"), finish("b")))))
    assert response.text == "ab"


async def test_an_answer_without_candidates_is_data() -> None:
    response = await _generate(client_of(Service(said({"usageMetadata": {"totalTokenCount": 3}}))))
    assert (response.text, response.finish_reason, response.usage.total_token_count) == (
        "",
        None,
        3,
    )


@BOTH
async def test_a_blocked_prompt_is_data(call: Call) -> None:
    answer = {"promptFeedback": {"blockReason": "SAFETY"}}
    response = await call(client_of(Service(said(answer))))
    assert (response.text, response.block_reason) == ("", "SAFETY")


@BOTH
@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "MAX_TOKENS", "OF_TOMORROW"])
async def test_a_finish_reason_is_data_even_one_nobody_knows(call: Call, reason: str) -> None:
    response = await call(client_of(Service(said(chunk("a", finish=reason)))))
    assert (response.text, response.finish_reason) == ("a", reason)


@BOTH
async def test_a_missing_content_type_is_no_fault(call: Call) -> None:
    assert (await call(client_of(Service(said(finish("a"), kind=""))))).text == "a"


# --- errors of the service -------------------------------------------------------------------

_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_BAD_KEY = {"@type": _INFO, "reason": "API_KEY_INVALID"}
_DISABLED = {"@type": _INFO, "reason": "SERVICE_DISABLED"}
_DAILY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}],
}
HINTS: list[tuple[Any, type[APIError], str]] = [
    (failed(400, "INVALID_ARGUMENT", _BAD_KEY), Unauthenticated, "check api_key"),
    (failed(401, "UNAUTHENTICATED"), Unauthenticated, "GEMINI_API_KEY"),
    (failed(403, "PERMISSION_DENIED", _DISABLED), PermissionDenied, "enable the API"),
    (failed(429, "RESOURCE_EXHAUSTED", _DAILY), ResourceExhausted, "midnight US/Pacific"),
    (
        failed(400, "INVALID_ARGUMENT", message="The deadline is too short."),
        InvalidArgument,
        "raise timeouts.total",
    ),
]


@BOTH
@pytest.mark.parametrize(("answer", "kind", "hint"), HINTS)
async def test_an_error_says_what_helps(call: Call, answer: Any, kind: Any, hint: str) -> None:
    error = await _error(call, answer)
    assert isinstance(error, kind)
    assert hint in str(error)


_GONE = (
    "This model models/gemini-2.5-flash is no longer available to new users. "
    "Please switch to models/gemini-3.5-flash."
)


async def test_a_key_in_an_error_message_is_redacted() -> None:
    for call in (_generate, _stream, _count):
        error = await _error(call, failed(400, "INVALID_ARGUMENT", message=f"key {KEY} is bad"))
        assert KEY not in f"{error} {error!r} {error.message}"
        assert "[redacted]" in error.message


async def test_a_key_in_an_error_of_a_stream_is_redacted() -> None:
    envelope = {"error": {"code": 400, "message": f"key {KEY} is bad", "status": "X"}}
    for call in (_generate, _stream):
        error = await _error(call, said(sse(envelope), kind=SSE))
        assert KEY not in f"{error} {error!r} {error.message}"
