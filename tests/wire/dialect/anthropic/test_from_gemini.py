"""Gemini's bytes → a message: the vectors from end to end, and the way back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given

from gemstream.errors import StreamInterrupted
from gemstream.wire.dialect.anthropic.events import MessageEncoder
from gemstream.wire.dialect.anthropic.whole import WholeMessage
from gemstream.wire.dialect.anthropic.wishes import MessageWishes
from gemstream.wire.dialect.gemini_reader import GeminiReader
from gemstream.wire.dialect.neutral import (
    CallArguments,
    CallOpened,
    Event,
    Signature,
    SignatureTarget,
)
from gemstream.wire.dialect.signature import SignatureWrite
from support.anthropic_answers import answers
from support.anthropic_requests import GEMINI_3, contents_of, options_for, turns
from support.anthropic_sdk import accumulated, read_events, streamed
from support.recorded import partitions

COUNTS = {
    "promptTokenCount": 20,
    "cachedContentTokenCount": 5,
    "candidatesTokenCount": 9,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 32,
}


def stream(*parts_of_chunks: list[dict[str, Any]], finish: str | None = "STOP") -> bytes:
    """Gemini's stream of ``parts_of_chunks``, finish and counts on its last chunk."""
    chunks: list[dict[str, Any]] = [
        {"candidates": [{"content": {"role": "model", "parts": parts}}]}
        for parts in parts_of_chunks
    ]
    if finish:
        chunks[-1]["candidates"][0]["finishReason"] = finish
        chunks[-1]["usageMetadata"] = COUNTS
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\r\n\r\n" for chunk in chunks)


def told(pieces: list[bytes]) -> tuple[bytes, MessageEncoder]:
    """What the caller gets of a stream that arrives in ``pieces``."""
    reader = GeminiReader("text/event-stream")
    encoder = MessageEncoder(MessageWishes(), id="msg_1", model="claude")
    frames = [encoder.receive(reader.receive_data(piece)) for piece in pieces]
    return b"".join([*frames, encoder.receive(reader.receive_eof())]), encoder


def types_of(data: bytes) -> list[str]:
    return [event["type"] for event in read_events(data) if event["type"] != "ping"]


def test_text_then_a_call() -> None:  # TV-41
    call = {"functionCall": {"name": "rd", "args": {"p": "a"}}}
    data, _ = told([stream([{"text": "Let me"}], [{"text": " look"}], [call])])
    assert types_of(data) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = accumulated(data)
    assert message["stop_reason"] == "tool_use"
    assert message["usage"] == {
        "input_tokens": 15,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 5,
        "output_tokens": 12,
        "output_tokens_details": {"thinking_tokens": 3},
    }


def test_a_signature_makes_the_round() -> None:  # TV-43
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "SG"}
    data, _ = told([stream([call])])
    said = accumulated(data)["content"]
    assert [block["type"] for block in said] == ["redacted_thinking", "tool_use"]
    answer = [{"type": "tool_result", "tool_use_id": said[1]["id"], "content": "1"}]
    history = turns(("user", "q"), ("assistant", said), ("user", answer))
    (part,) = contents_of(*history)[1]["parts"]
    assert part == call


def test_parallel_and_thinking_signatures_make_the_round() -> None:
    thought = {"text": "hm", "thought": True}
    calls: list[dict[str, Any]] = [
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "u1"}, "thoughtSignature": "SG"},
        {"functionCall": {"name": "f", "args": {"a": 2}, "id": "u2"}},
    ]
    data, _ = told([stream([thought], [{"text": "so"}], calls)])
    said = accumulated(data)["content"]
    answers = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "1"}
        for block in said
        if block["type"] == "tool_use"
    ]
    history = turns(("user", "q"), ("assistant", said), ("user", answers))
    assert contents_of(*history, model=GEMINI_3)[1]["parts"] == [{"text": "so"}, *calls]


def test_a_signature_behind_the_text_is_kept() -> None:  # TV-44
    data, encoder = told([stream([{"text": "hi"}], [{"text": "", "thoughtSignature": "TS"}])])
    assert [block["type"] for block in accumulated(data)["content"]] == ["text"]
    assert len(encoder.cache_writes) == 1


class Kept:
    """The signatures that encoders handed out."""

    def __init__(self, writes: Iterable[SignatureWrite]) -> None:
        self._writes = list(writes)

    def of_call(self, id: str) -> str | None:
        return next((write.value for write in self._writes if write.call_id == id), None)

    def of_text(self, text: str) -> str | None:
        return next((write.value for write in self._writes if write.text == text), None)


def test_images_make_the_round_as_images_with_their_signatures() -> None:
    parts: list[dict[str, Any]] = [
        {"text": "First "},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "I1"},
        {"text": "then"},
        {"inlineData": {"mimeType": "image/png", "data": "BBBB"}, "thoughtSignature": "I2"},
        {"text": "done", "thoughtSignature": "TS"},
    ]
    data, encoder = told([stream(*([part] for part in parts))])
    (block,) = accumulated(data)["content"]
    assert block["text"].startswith("First ![image](data:image/png;base64,AAAA)then![image]")
    history = turns(("user", "q"), ("assistant", [block]), ("user", "go"))
    options = options_for(signatures=Kept(encoder.cache_writes))
    assert contents_of(*history, options=options)[1]["parts"] == parts


def test_text_that_only_looks_like_an_image_stays_text() -> None:
    said = "see ![image](data:image/png;base64,???) and ![image](data:image/"
    history = turns(("user", "q"), ("assistant", said), ("user", "go"))
    assert contents_of(*history)[1]["parts"] == [{"text": said}]


def test_a_stream_that_breaks() -> None:  # TV-47
    reader = GeminiReader("text/event-stream")
    encoder = MessageEncoder(MessageWishes(), id="msg_1", model="claude")
    events = reader.receive_data(stream([{"text": "a"}], finish=None))
    events += reader.receive_interruption(StreamInterrupted("reset"))
    data = encoder.receive(events)
    assert types_of(data)[-2:] == ["content_block_delta", "error"]


def test_a_blocked_prompt_is_a_refusal() -> None:
    body = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8}}'
    reader = GeminiReader("application/json")
    message = WholeMessage(MessageWishes(), id="msg_1", model="claude")
    message.receive(reader.receive_whole(body))
    plain = msgspec.json.decode(message.body())
    assert plain["stop_reason"] == "refusal"
    assert plain["stop_details"]["explanation"] == "SAFETY"
    assert plain["content"] == [{"type": "text", "text": ""}]
    assert plain["usage"]["input_tokens"] == 8


@given(answers())
def test_any_answer_comes_back_with_each_call_as_it_was(events: list[Event]) -> None:
    data, _ = streamed([events])
    said = accumulated(data)["content"]
    answers = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "1"}
        for block in said
        if block["type"] == "tool_use"
    ]
    contents = contents_of(*turns(("user", "q"), ("assistant", said), ("user", answers or "go")))
    parts = [part for content in contents for part in content["parts"]]
    calls = [part for part in parts if "functionCall" in part]
    assert calls == _calls_of(events)


def _calls_of(events: list[Event]) -> list[dict[str, Any]]:
    """The parts of Gemini's that the calls in ``events`` are."""
    parts: dict[int, dict[str, Any]] = {}
    signatures: dict[int, str] = {}
    pieces: dict[int, str] = {}
    for event in events:
        match event:
            case Signature(value=value, target=SignatureTarget.CALL, number=number):
                signatures[number] = value
            case CallOpened(number=number, name=name):
                parts[number] = {"functionCall": {"name": name}}
                pieces[number] = ""
            case CallArguments(number=number, json=piece):
                pieces[number] += piece
    for number, part in parts.items():
        part["functionCall"]["args"] = msgspec.json.decode(pieces[number])
        if number in signatures:
            part["thoughtSignature"] = signatures[number]
    return list(parts.values())


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_every_cut_of_the_bytes_tells_the_same(end: bytes) -> None:
    data = stream(
        [{"text": "hm", "thought": True}],
        [{"text": "\U0001f600 ü"}],
        [
            {
                "functionCall": {"name": "w", "args": {"c": "Oslo"}, "id": "u1"},
                "thoughtSignature": "S",
            }
        ],
        [{"text": ""}],
    ).replace(b"\r\n", end)
    expected, _ = told([data])
    for pieces in partitions(data):
        assert told(pieces)[0] == expected
