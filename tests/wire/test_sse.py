"""SSEDecoder by the WHATWG vectors, in every cut, and the framing we write ourselves."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.wire.sse import ServerSentEvent, SSEDecoder, encode_event
from support.recorded import partitions, vectors

WHATWG = vectors("whatwg")


def decode(pieces: list[bytes], **options: Any) -> tuple[list[list[str]], int | None]:
    decoder = SSEDecoder(**options)
    events = [event for piece in pieces for event in decoder.receive_data(piece)]
    decoder.receive_eof()
    return [[event.type, event.text, event.last_event_id] for event in events], decoder.retry


@pytest.mark.parametrize("vector", WHATWG, ids=lambda vector: vector["name"])
def test_a_vector_gives_its_events_in_every_cut(vector: dict[str, Any]) -> None:
    for pieces in partitions(vector["input"]):
        events, retry = decode(pieces)
        assert events == vector["events"]
        assert not vector["check_retry"] or retry == vector["retry"]


def test_all_the_vectors_are_there() -> None:
    assert len(WHATWG) == 58


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        (b'{"error"', b'{"error"'),
        (b'data: x\n\n{\n "a"\r\n}', b'{\n "a"\r\n}'),
        (b"data: x\n\n[1]\r\rdata: y\n\n", b"[1]\r\rdata: y\n\n"),
        (b"\xef\xbb\xbf{}", b"{}"),
        (b"event: e\n: hb\n\n{", b"{"),
        (b"data: x\n{}\n\n", None),
        (b'data: {"a":1}\n\n', None),
        (b" {}\n\n", None),
    ],
)
def test_a_naked_line_of_json_stops_the_events_when_asked(body: bytes, rest: bytes | None) -> None:
    decoder = SSEDecoder(stop_at_json=True)
    decoder.receive_data(body)
    assert decoder.rest == rest
    assert decode([body])[0] == decode([body, b""])[0]


@pytest.mark.parametrize(
    ("body", "pending"),
    [
        (b"data: a", b"a"),
        (b"data: a\n", b"a"),
        (b"data: a\r\ndata: b", b"a\nb"),
        (b"data: a\n\n", None),
        (b"data", b""),
        (b"id: 7", None),
        (b": a", None),
        (b"dat", None),
        (b"", None),
    ],
)
def test_an_event_without_its_blank_line_can_be_asked_for(
    body: bytes, pending: bytes | None
) -> None:
    decoder = SSEDecoder()
    decoder.receive_data(body)
    assert decoder.take_pending() == pending
    assert decoder.take_pending() is None


def test_an_event_is_framed_as_gemini_frames_it() -> None:
    assert encode_event(b'{"a":1}') == b'data: {"a":1}\r\n\r\n'
    assert SSEDecoder().receive_data(encode_event(b"{}")) == [ServerSentEvent(b"{}")]


def test_data_stays_bytes_and_its_text_marks_what_is_not_utf_8() -> None:
    (event,) = SSEDecoder().receive_data(b"data: a\xffb\n\n")
    assert (event.data, event.text) == (b"a\xffb", "a\ufffdb")


def test_a_retry_of_endless_digits_is_a_number_and_no_error() -> None:
    decoder = SSEDecoder()
    decoder.receive_data(b"retry: " + b"9" * 5000 + b"\n\n")
    assert decoder.retry is not None and decoder.retry > 10**9
