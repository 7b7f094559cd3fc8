"""The body of an unstreamed answer."""

from __future__ import annotations

import pytest

from gemstream.errors import APIError, DecodeError, StreamTruncated, Unavailable
from gemstream.policy.unary import read_response

JSON, SSE = "application/json; charset=UTF-8", "text/event-stream"
A = b'{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}'
B_STOP = b'{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}'


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (JSON, B_STOP, "b"),
        (JSON, b"\n [" + A + b"," + B_STOP + b"]", "ab"),
        (SSE, b"data: " + A + b"\r\n\r\ndata: " + B_STOP + b"\r\n\r\n", "ab"),
        (SSE, B_STOP, "b"),
        (None, B_STOP, "b"),
        (JSON, b"{}", ""),
        (JSON, b'{"error":null,"candidates":[]}', ""),
    ],
)
def test_an_answer_is_read_in_every_framing_a_gateway_gives_it(
    content_type: str | None, body: bytes, text: str
) -> None:
    response = read_response(body, content_type, redact=bytes)
    assert (response.text, response.raw) == (text, body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", StreamTruncated),
        (A[:-1], StreamTruncated),
        (b"[" + A, StreamTruncated),
        (b"[" + A + b"]", StreamTruncated),
        (b"data: " + A + b"\r\n\r\n", DecodeError),
        (b"<html>", DecodeError),
        (b"null", DecodeError),
        (A + b"oops", DecodeError),
        (b'{"candidates":5}', DecodeError),
        (b'{"error":{"code":503,"message":"m"}}', Unavailable),
        (b'[{"error":{"code":503,"message":"m"}}]', Unavailable),
        (b'{"error":"m"}', APIError),
    ],
)
def test_a_body_that_is_no_answer_is_an_error(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_response(body, JSON, redact=bytes)


def test_a_key_that_an_error_repeats_is_not_shown() -> None:
    body = b'{"error":{"code":400,"message":"bad key SECRET"}}'
    with pytest.raises(APIError) as caught:
        read_response(body, JSON, redact=lambda data: data.replace(b"SECRET", b"[redacted]"))
    assert "SECRET" not in str(caught.value)


def test_a_stream_on_a_plain_call_is_held_to_a_streams_end() -> None:
    with pytest.raises(StreamTruncated) as caught:
        read_response(b"data: " + A + b"\r\n\r\n", SSE, redact=bytes)
    assert caught.value.partial == "a"


def test_a_key_in_what_cannot_be_read_is_not_shown() -> None:
    with pytest.raises(DecodeError) as caught:
        read_response(
            b"<p>SECRET</p>", JSON, redact=lambda data: data.replace(b"SECRET", b"[redacted]")
        )
    assert "SECRET" not in str(caught.value) and b"SECRET" not in caught.value.excerpt
