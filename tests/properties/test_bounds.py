"""No input makes a decoder hold more than its named maximum, or look twice at what it has seen."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import GemstreamError, ProtocolError
from gemstream.policy.fold import fold
from gemstream.policy.generation import Generation, GenerationState
from gemstream.wire.content import Content, Part
from gemstream.wire.json_stream import JSONStreamDecoder
from gemstream.wire.payload import PayloadDecoder
from gemstream.wire.response import (
    Candidate,
    FinishReason,
    GenerateContentResponse,
)
from gemstream.wire.sse import MAX_EVENT_SIZE, SSEDecoder
from support.strategies import calm

CAP = 1000
JSON = "application/json"
EVENT = b'data: {"responseId":"r"}\r\n\r\n'

# A beginning, and what then comes again and again without an end.
ENDLESS = {
    "one line": (None, b"data: ", b"x"),
    "many data lines": (None, b"", b"data: x\n"),
    "empty data lines": (None, b"", b"data:\n"),
    "a comment": (None, b":", b"x"),
    "an unknown field": (None, b"x", b"x"),
    "an event name": (None, b"event: ", b"x"),
    "an id": (None, b"id: ", b"x"),
    "a JSON object": (JSON, b"{", b"x"),
    "a JSON string": (JSON, b'{"a":"', b"x"),
    "open brackets": (JSON, b"", b"{"),
    "a naked error": (None, b'{"error": "', b"x"),
    "an object of an array": (JSON, b'[{"a":"', b"\\\\"),
}


@pytest.mark.parametrize("read", [1, 7, 400, 5000])
@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_refused_with_the_limit(name: str, read: int) -> None:
    content_type, start, more = ENDLESS[name]
    decoder = PayloadDecoder(content_type, max_event_size=CAP)
    body = start + more * 5000
    with pytest.raises(ProtocolError, match="max_event_size of 1000 bytes; raise it") as caught:
        for place in range(0, len(body), read):
            decoder.receive_data(body[place : place + read])
            assert place < CAP * 2 + read
    assert len(caught.value.excerpt) <= 200


@pytest.mark.parametrize("size", [CAP - 1, CAP, CAP + 1])
@pytest.mark.parametrize("start", [b"", EVENT, EVENT * 2])
@pytest.mark.parametrize("read", [1, 100, 10_000])
def test_the_limit_is_the_same_however_the_event_arrives(
    size: int, start: bytes, read: int
) -> None:
    line = b'data: {"modelVersion":"%b"}' % (b"x" * (size - 25))
    assert len(line) == size
    generation = Generation(max_event_size=CAP)
    for event in (start, line + b"\r\n\r\n"):
        if size > CAP and event != start:
            with pytest.raises(ProtocolError, match="max_event_size"):
                _receive(generation, event, read)
        else:
            _receive(generation, event, read)


def _receive(generation: Generation, body: bytes, read: int) -> None:
    for place in range(0, len(body), read):
        generation.receive_data(body[place : place + read])
    generation.check()


def test_what_was_whole_before_the_limit_is_delivered_first() -> None:
    generation = Generation(max_event_size=CAP)
    chunks = generation.receive_data(EVENT + EVENT + b"data: " + b"x" * CAP + b"\n\n" + EVENT)
    assert [chunk.response_id for chunk in chunks] == ["r", "r"]
    for call in (generation.check, generation.receive_eof, lambda: generation.receive_data(EVENT)):
        with pytest.raises(ProtocolError, match="max_event_size"):
            call()
    assert generation.state is GenerationState.FAILED


@pytest.mark.parametrize(
    "decoder", [SSEDecoder(max_event_size=9), PayloadDecoder(max_event_size=9)]
)
def test_after_a_fault_every_call_raises_the_same(decoder: Any) -> None:
    faults = []
    for _ in range(3):
        with pytest.raises(ProtocolError) as caught:
            decoder.receive_data(b"data: 1234567890\n\n")
        faults.append(caught.value)
    assert faults[0] is faults[1] is faults[2]


def test_the_limit_leaves_room_for_an_answer_of_pictures() -> None:
    assert MAX_EVENT_SIZE == 64 * 1024 * 1024


@calm
@given(body=st.binary(max_size=300), cap=st.integers(1, 64), kind=st.sampled_from([None, JSON]))
def test_any_bytes_end_in_chunks_or_in_an_error_of_ours(
    body: bytes, cap: int, kind: str | None
) -> None:
    generation = Generation(kind, max_event_size=cap)
    try:
        generation.receive_data(body)
        generation.receive_eof()
        generation.check()
    except GemstreamError:
        assert generation.state is GenerationState.FAILED
    else:
        assert generation.state is GenerationState.ENDED


# --- memory, by what Python allocated ---------------------------------------------------------


def peak_of(work: Callable[[], object]) -> int:
    """The most bytes that were allocated at one moment of ``work``."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["one line", "many data lines", "a JSON string", "a naked error"])
def test_tiny_reads_hold_no_more_than_a_few_times_the_limit(name: str) -> None:
    content_type, start, more = ENDLESS[name]
    decoder = PayloadDecoder(content_type, max_event_size=200_000)
    body = start + more * (190_000 // len(more))

    def receive_in_twos() -> None:
        for place in range(0, len(body), 2):
            decoder.receive_data(body[place : place + 2])

    assert peak_of(receive_in_twos) < 8 * 200_000


def test_an_answer_of_a_hundred_thousand_chunks_folds_in_little_more_than_its_text() -> None:
    pieces = (f"word {number} " for number in range(100_000))
    texts: list[str] = []
    peak = peak_of(lambda: texts.append(fold(map(message, pieces)).text))
    assert texts[0].startswith("word 0 word 1 ")
    assert texts[0].endswith("word 99999 ")
    assert peak < 6 * len(texts[0])


def message(text: str) -> GenerateContentResponse:
    return GenerateContentResponse(candidates=[Candidate(content=Content(parts=[Part(text=text)]))])


def test_strange_enum_values_do_not_stay_in_memory() -> None:
    def meet(count: int) -> None:
        for number in range(count):
            FinishReason(f"STRANGER_{number}")

    meet(10)
    assert peak_of(lambda: meet(20_000)) < 100_000


# --- work, by the calls made: no clock --------------------------------------------------------


def calls_of(work: Callable[[], object]) -> int:
    """How many functions, ours and built-in, ``work`` calls."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def read_by_bytes(decoder: Any, *rest: Any) -> Callable[[bytes], None]:
    def read(body: bytes) -> None:
        for place in range(len(body)):
            decoder.receive_data(body[place : place + 1], *rest)

    return read


def read_whole(decoder: Any, *rest: Any) -> Callable[[bytes], None]:
    return lambda body: decoder.receive_data(body, *rest)


WORK = {
    "a long line": (lambda: read_by_bytes(SSEDecoder()), b"data: ", b"x"),
    "many lines": (lambda: read_by_bytes(SSEDecoder()), b"", b"data: x\n"),
    "many blank lines": (lambda: read_by_bytes(SSEDecoder()), b"", b"\r\n"),
    "a long string": (lambda: read_by_bytes(JSONStreamDecoder(), []), b'{"a":"', b"x"),
    "many brackets": (lambda: read_whole(JSONStreamDecoder(), []), b"{", b"[]"),
    "many escapes": (lambda: read_whole(JSONStreamDecoder(), []), b'{"a":"', b'\\"'),
    "many objects": (lambda: read_whole(JSONStreamDecoder(), []), b"[", b"{},"),
    "many events": (lambda: read_whole(PayloadDecoder()), b"", b"data: {}\n\n"),
}


@pytest.mark.parametrize("name", WORK)
def test_twice_the_bytes_are_twice_the_work(name: str) -> None:
    reader, start, more = WORK[name]
    once, twice = (
        calls_of(lambda body=start + more * count: reader()(body)) for count in (500, 1000)
    )
    assert twice < 2.1 * once + 50
