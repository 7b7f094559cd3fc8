"""However the bytes arrive, the same comes out: events, objects, payloads, chunks, faults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.errors import GemstreamError
from gemstream.policy.generation import Generation
from gemstream.wire.json_stream import JSONStreamDecoder
from gemstream.wire.payload import PayloadDecoder
from gemstream.wire.sse import SSEDecoder
from support.recorded import (
    ANSWERS,
    STREAMS,
    UNARY,
    cut,
    framings,
    partitions,
    payloads_of,
    recorded,
    vectors,
)
from support.strategies import calm, cuts

Outcome = tuple[list[Any], str | None]


# --- what each decoder makes of the pieces, down to the fault it ends with --------------------


def sse_events(pieces: list[bytes], **options: Any) -> Outcome:
    decoder = SSEDecoder(**options)
    events: list[Any] = []
    try:
        for piece in pieces:
            events += decoder.receive_data(piece)
        decoder.check()
    except GemstreamError as error:
        return events, type(error).__name__
    return [*events, decoder.retry], None


def json_objects(pieces: list[bytes], **options: Any) -> Outcome:
    decoder = JSONStreamDecoder(**options)
    objects: list[bytes] = []
    try:
        for piece in pieces:
            decoder.receive_data(piece, objects)
        decoder.receive_eof()
    except GemstreamError as error:
        return objects, f"{type(error).__name__} at {getattr(error, 'offset', None)}"
    return objects, None


def payloads(pieces: list[bytes], content_type: str | None = None, **options: Any) -> Outcome:
    decoder = PayloadDecoder(content_type, **options)
    found: list[bytes] = []
    try:
        for piece in pieces:
            found += decoder.receive_data(piece)
        found += decoder.receive_eof()
        decoder.check()
    except GemstreamError as error:
        return found, type(error).__name__
    return found, None


def chunks(pieces: list[bytes], content_type: str | None = None) -> Outcome:
    generation = Generation(content_type)
    found: list[Any] = []
    try:
        for piece in pieces:
            found += generation.receive_data(piece)
        found += generation.receive_eof()
        generation.check()
    except GemstreamError as error:
        return [*found, generation.response()], type(error).__name__
    return [*found, generation.response()], None


# --- the inputs ------------------------------------------------------------------------------

BODIES = {
    **{name: ("text/event-stream", recorded(name)) for name in STREAMS},
    **{name: ("application/json", recorded(name)) for name in UNARY},
    **{
        f"{name} as {framing}": body
        for name in ANSWERS
        for framing, body in framings(payloads_of(name)).items()
    },
    **{
        f"vector {vector['name']}": (vector["content_type"], vector["input"])
        for vector in vectors("gemini")
    },
    "a BOM before the second event": (
        "text/event-stream",
        b'\xef\xbb\xbfdata: {"a":1}\r\n\r\n\xef\xbb\xbfdata: {"b":1}\r\n\r\ndata: {"c":1}\r\n\r\n',
    ),
    "an event, a naked error, then more": (
        "text/event-stream",
        b'data: {"responseId":"r"}\r\n\r\n{\n "error": {"code": 500}\n}\n{"responseId":"r"}',
    ),
    "garbage between objects": ("application/json", b'[{"responseId":"r"}, oops {"a":1}]'),
    "an event that is not JSON": ("text/event-stream", b"data: {}\n\ndata: {oops\n\ndata: {}\n\n"),
    "an error as a null": ("text/event-stream", b'data: {"error":null,"responseId":"r"}\r\n\r\n'),
}
AS_RECORDED = {name for name in BODIES if " as " not in name}
every_body = pytest.mark.parametrize("name", BODIES)
SSE_BODIES = [vector["input"] for vector in vectors("whatwg")]


@every_body
def test_any_cut_in_two_gives_the_same_payloads(name: str) -> None:
    content_type, body = BODIES[name]
    whole = payloads([body], content_type)
    for pieces in partitions(body, splits=None if name in AS_RECORDED else 25):
        assert payloads(pieces, content_type) == whole


@settings(calm, max_examples=300)
@given(name=st.sampled_from(sorted(BODIES)), data=st.data())
def test_any_partition_gives_the_same_chunks(name: str, data: st.DataObject) -> None:
    content_type, body = BODIES[name]
    pieces = cut(body, *data.draw(cuts(body)))
    assert chunks(pieces, content_type) == chunks([body], content_type)


@every_body
def test_bytes_one_by_one_give_the_same_chunks(name: str) -> None:
    content_type, body = BODIES[name]
    pieces = [body[i : i + 1] for i in range(len(body))]
    assert chunks(pieces, content_type) == chunks([body], content_type)


@settings(calm, max_examples=300)
@given(body=st.sampled_from(SSE_BODIES), data=st.data())
def test_any_partition_gives_the_same_events(body: bytes, data: st.DataObject) -> None:
    assert sse_events(cut(body, *data.draw(cuts(body)))) == sse_events([body])


@settings(calm, max_examples=300)
@given(
    lines=st.lists(
        st.sampled_from(
            [b"data: {}", b"data:x", b"data", b"id: 7", b"event: e", b": hb", b"{", b"[1", b" {"]
        ),
        max_size=12,
    ),
    ends=st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n"]), min_size=12),
    cap=st.integers(1, 24),
    data=st.data(),
)
def test_any_lines_under_any_cap_give_the_same_events_and_the_same_fault(
    lines: list[bytes], ends: list[bytes], cap: int, data: st.DataObject
) -> None:
    body = b"".join(line + end for line, end in zip(lines, ends, strict=False))
    pieces = cut(body, *data.draw(cuts(body)))
    assert sse_events(pieces, max_event_size=cap) == sse_events([body], max_event_size=cap)
    assert payloads(pieces, max_event_size=cap) == payloads([body], max_event_size=cap)


@settings(calm, max_examples=300)
@given(
    body=st.lists(
        st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b",", b" ", b"x", b"1"])
    ).map(b"".join),
    cap=st.integers(1, 12),
    data=st.data(),
)
def test_any_json_like_bytes_give_the_same_objects_and_the_same_fault(
    body: bytes, cap: int, data: st.DataObject
) -> None:
    pieces = cut(body, *data.draw(cuts(body)))
    assert json_objects(pieces, max_event_size=cap) == json_objects([body], max_event_size=cap)


@pytest.mark.parametrize("name", ANSWERS)
def test_every_framing_of_an_answer_gives_the_same_messages(name: str) -> None:
    found = [chunks([body], kind) for kind, body in framings(payloads_of(name)).values()]
    messages = [[answer.message for answer in answers] for answers, _ in found]
    assert all(other == messages[0] for other in messages)
    assert {fault for _, fault in found} == {None}
