"""A recorded stream cut at every byte: an error or the whole answer, never a wrong text.

What should come out is worked out here from the file's own lines and the standard library's
JSON, so that the code under test does not judge itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from gemstream.errors import APIError, StreamInterrupted, StreamTruncated
from gemstream.policy.answer import Chunk, Completeness
from gemstream.policy.generation import Generation
from support.recorded import ANSWERS, framings, payloads_of, recorded

FAULT = "the wire broke"


@dataclass(frozen=True)
class Piece:
    """One payload of a body: where its JSON ends, what it adds, and whether it is the last."""

    end: int
    text: str
    prompt_tokens: int | None
    is_final: bool


def pieces_of(body: bytes, payloads: list[bytes]) -> list[Piece]:
    found, place = [], 0
    for payload in payloads:
        place = body.index(payload, place) + len(payload)
        plain = json.loads(payload)
        first = next(iter(plain.get("candidates", [])), {})
        final = "finishReason" in first or "promptFeedback" in plain
        usage = plain.get("usageMetadata", {}).get("promptTokenCount")
        found.append(Piece(place, text_of(first), usage, final))
    return found


def text_of(candidate: dict[str, Any]) -> str:
    parts = candidate.get("content", {}).get("parts", [])
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def receive(generation: Generation, data: bytes) -> list[Chunk]:
    """Receive as two reads, so that the cut meets an event in the making."""
    middle = len(data) * 2 // 3
    return generation.receive_data(data[:middle]) + generation.receive_data(data[middle:])


def check_clean_end(content_type: str, body: bytes, pieces: list[Piece], cut: int) -> None:
    generation = Generation(content_type)
    whole = [piece for piece in pieces if piece.end <= cut]
    text = "".join(piece.text for piece in whole)
    chunks = receive(generation, body[:cut])
    if whole and whole[-1].is_final:
        chunks += generation.receive_eof()
        response = generation.response()
        assert response.text == text
        clean = content_type == "text/event-stream" or body[0] != ord("[")
        expected = (
            Completeness.CONFIRMED
            if clean or b"]" in body[whole[-1].end : cut]
            else (Completeness.UNCONFIRMED)
        )
        assert response.complete is expected
    else:
        with pytest.raises(StreamTruncated) as caught:
            chunks += generation.receive_eof()
            generation.check()
        check_told(caught.value, whole, text)
        assert generation.response().complete is Completeness.PARTIAL
    assert [chunk.text for chunk in chunks] == [piece.text for piece in whole]


def check_told(error: Any, whole: list[Piece], text: str) -> None:
    assert error.partial == text
    usage = None if error.usage is None else error.usage.prompt_token_count
    assert usage == (whole[-1].prompt_tokens if whole else None)
    assert error.retryable


def check_interruption(content_type: str, body: bytes, pieces: list[Piece], cut: int) -> None:
    generation = Generation(content_type)
    # An event is there with the first byte of its blank line, an object with its bracket.
    late = 3 if content_type == "text/event-stream" else 0
    whole = [piece for piece in pieces if piece.end + late <= cut]
    text = "".join(piece.text for piece in whole)
    chunks = receive(generation, body[:cut])
    fault = StreamInterrupted(FAULT)
    if whole and whole[-1].is_final:
        generation.receive_interruption(fault)
        assert generation.response().text == text
        assert generation.response().complete is Completeness.UNCONFIRMED
    else:
        with pytest.raises(StreamInterrupted) as caught:
            generation.receive_interruption(fault)
        assert caught.value is fault
        check_told(fault, whole, text)
    assert [chunk.text for chunk in chunks] == [piece.text for piece in whole]


@pytest.mark.parametrize("check", [check_clean_end, check_interruption])
@pytest.mark.parametrize("framing", ["sse", "array", "objects"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_cut_at_any_byte_is_told_or_harmless(name: str, framing: str, check: Any) -> None:
    payloads = payloads_of(name)
    content_type, body = framings(payloads)[framing]
    pieces = pieces_of(body, payloads)
    # Every byte of a stream as it is framed by the service; of the two long ones every fifth.
    if framing == "sse":
        step = 1 if len(body) < 5000 else 5
    else:
        step = 1 if len(body) < 1000 else 29
    for cut in range(0, len(body) + 1, step):
        check(content_type, body, pieces, cut)


@pytest.mark.parametrize("framing", ["text/event-stream", "application/json"])
def test_a_cut_inside_a_naked_error_is_no_silence_either(framing: str) -> None:
    body = recorded("streaming-failure-image-rejected.txt").rstrip()
    for cut in range(len(body)):
        generation = Generation(framing)
        assert generation.receive_data(body[:cut]) == []
        with pytest.raises(StreamTruncated):
            generation.receive_eof()
    with pytest.raises(APIError):
        Generation(framing).receive_data(body)
