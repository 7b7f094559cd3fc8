"""The recorded answers of the real service as neutral events, beside what the client reads."""

from __future__ import annotations

import pytest

from gemstream.errors import APIError
from gemstream.policy.generation import Generation
from gemstream.wire.dialect.gemini_reader import GeminiReader
from gemstream.wire.dialect.neutral import (
    CallOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Started,
    Text,
    Thought,
)
from gemstream.wire.response import GenerateContentResponse
from support.recorded import ANSWERS, UNARY, framings, partitions, payloads_of, recorded


def said(events: list[Event]) -> tuple[str, str, list[str]]:
    """Text, thoughts and the names of calls of candidate 0."""
    text = "".join(e.text for e in events if isinstance(e, Text) and not e.candidate)
    thoughts = "".join(e.text for e in events if isinstance(e, Thought) and not e.candidate)
    return text, thoughts, [e.name for e in events if isinstance(e, CallOpened) and not e.candidate]


def meant(message: GenerateContentResponse) -> tuple[str, str, list[str]]:
    return message.text, message.thoughts, [call.name or "" for call in message.function_calls]


def client_reads(body: bytes) -> tuple[GenerateContentResponse, object]:
    generation = Generation()
    generation.receive_data(body)
    generation.receive_eof()
    response = generation.response()
    return response.message, response.usage


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_says_what_it_says_to_the_client(name: str) -> None:
    payloads = payloads_of(name)
    message, usage = client_reads(framings(payloads)["sse"][1])
    for content_type, body in framings(payloads).values():
        for pieces in partitions(body, splits=20):
            reader = GeminiReader(content_type)
            events = [event for piece in pieces for event in reader.receive_data(piece)]
            events += reader.receive_eof()
            assert said(events) == meant(message)
            assert reader.usage == usage
            assert isinstance(events[0], Started) and isinstance(events[-1], Ended)
            reasons = [event.reason for event in events if isinstance(event, Finished)]
            if message.candidates:
                assert reasons[0] == message.finish_reason


@pytest.mark.parametrize("name", UNARY)
def test_a_whole_answer_is_read_or_its_error(name: str) -> None:
    events = GeminiReader().receive_whole(recorded(name))
    last = events[-1]
    if b'"error": {' in recorded(name)[:40]:
        assert isinstance(last, Failed) and isinstance(last.error, APIError)
    else:
        assert isinstance(last, Ended)
