"""A stream and a whole answer are the same answer, whatever its events are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion as SDKCompletion
from openai.types.chat import ChatCompletionChunk

from gemstream.errors import InvalidState, StreamInterrupted
from gemstream.wire.dialect.neutral import (
    Blocked,
    CallArguments,
    CallClosed,
    CallOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Media,
    Metadata,
    RawPart,
    Signature,
    SignatureTarget,
    Started,
    Text,
    Thought,
    Usage,
)
from gemstream.wire.dialect.openai import ChatCompletion, ChatEncoder, ChatWishes
from gemstream.wire.usage import UsageMetadata

ANSWER = {"id": "chatcmpl-1", "created": 1700000000, "model": "alias"}
USAGE = Usage(UsageMetadata(prompt_token_count=1, candidates_token_count=2))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def call(number: int, name: str, pieces: list[str], signature: str | None) -> list[Event]:
    signed = [Signature(signature, SignatureTarget.CALL, number)] if signature else []
    arguments = [CallArguments(number, piece) for piece in pieces]
    return [*signed, CallOpened(number, name), *arguments, CallClosed(number)]


PIECES: st.SearchStrategy[Any] = st.one_of(
    st.builds(Text, TEXTS).map(lambda event: [event]),
    st.builds(Thought, TEXTS).map(lambda event: [event]),
    st.just([Media("image/png", "AAAA")]),
    st.just([Media("image/png", "AAAA"), Signature("I", SignatureTarget.TEXT)]),
    st.just([Media("audio/L16", "AQI=")]),
    st.just([RawPart(b'{"executableCode":{}}')]),
    st.just([Signature("S", SignatureTarget.TEXT)]),
    st.just([Metadata("citationMetadata", b'{"citationSources":[]}')]),
    st.just([USAGE]),
    st.tuples(
        st.sampled_from(["f", "g"]),
        st.sampled_from([[], ["{}"], ['{"a":', "1}"]]),
        st.none() | st.just("C"),
    ).map(lambda made: ("call", *made)),
)
REASONS = st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "NEW"])


@st.composite
def answers(draw: st.DrawFn) -> list[list[Event]]:
    """Events of up to three candidates by turns, cut into reads anywhere."""
    count = draw(st.integers(1, 3))
    numbers = [0] * count
    events: list[Event] = [Started("r", "m")]
    for _ in range(draw(st.integers(0, 8))):
        candidate = draw(st.integers(0, count - 1))
        piece = draw(PIECES)
        if piece[0] == "call":
            piece = call(numbers[candidate], *piece[1:])
            numbers[candidate] += 1
        events += [_of(event, candidate) for event in piece]
    events += [Finished(draw(REASONS), candidate=candidate) for candidate in range(count)]
    events.append(Ended())
    cut = draw(st.integers(0, len(events)))
    return [events[:cut], events[cut:]]


def _of(event: Event, candidate: int) -> Event:
    if isinstance(event, Usage):
        return event
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(**{**fields, "candidate": candidate})


def folded(reads: list[list[Event]], wishes: ChatWishes) -> Any:
    whole = ChatCompletion(wishes, **ANSWER)
    for events in reads:
        whole.receive(events)
    body = whole.body()
    SDKCompletion.model_validate_json(body, strict=True)
    return json.loads(body)


def streamed(reads: list[list[Event]], wishes: ChatWishes) -> list[str]:
    encoder = ChatEncoder(wishes, **ANSWER)
    data = b"".join(encoder.receive(events) for events in reads)
    assert data.endswith(b"\n\n")
    return [frame.removeprefix("data: ") for frame in data.decode()[:-2].split("\n\n")]


@given(answers(), st.booleans())
def test_the_sdk_makes_of_the_stream_what_the_whole_answer_says(
    reads: list[list[Event]], include_usage: bool
) -> None:
    wishes = ChatWishes(include_usage=include_usage)
    whole = folded(reads, wishes)
    *frames, done = streamed(reads, wishes)
    assert done == "[DONE]"
    state = ChatCompletionStreamState()
    for frame in frames:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(frame, strict=True))
    final = state.current_completion_snapshot.to_dict(mode="json")
    assert [_message(choice) for choice in final["choices"]] == [
        _message(choice) for choice in whole["choices"]
    ]
    assert final.get("usage") == (whole.get("usage") if include_usage else None)


def _message(choice: Any) -> Any:
    """What both forms say of a choice, in one shape."""
    message = choice["message"]
    calls = []
    for entry in message.get("tool_calls") or ():
        function = (entry["function"]["name"], entry["function"]["arguments"])
        calls.append((entry["id"], function, entry.get("extra_content")))
    images = [
        {name: value for name, value in image.items() if name != "index"}
        for image in message.get("images") or ()
    ]
    return {
        "finish": (choice["index"], choice["finish_reason"]),
        "content": message["content"] or None,
        "reasoning": message.get("reasoning_content"),
        "calls": calls,
        "images": images,
        "extra": message.get("extra_content"),
        "has_audio": bool(message.get("audio")),
    }


def test_a_text_frame_by_frame_is_the_whole_text() -> None:
    events = [Started(), Text("a"), Text("\U0001f600"), Finished("STOP"), Ended()]
    (choice,) = folded([[event] for event in events], ChatWishes())["choices"]
    assert choice["message"]["content"] == "a\U0001f600"


def test_the_body_waits_for_the_end() -> None:
    whole = ChatCompletion(ChatWishes(), **ANSWER)
    whole.receive([Started(), Text("a"), Finished("STOP")])
    with pytest.raises(InvalidState):
        whole.body()


def test_a_failure_is_raised_and_nothing_behind_it_counts() -> None:
    error = StreamInterrupted("the wire broke")
    whole = ChatCompletion(ChatWishes(), **ANSWER)
    whole.receive([Started(), Text("a"), Failed(error), Text("b"), Finished("STOP"), Ended()])
    assert whole.failure is error
    with pytest.raises(StreamInterrupted):
        whole.body()
    encoder = ChatEncoder(ChatWishes(), **ANSWER)
    assert b'"error"' in encoder.receive([Started(), Failed(error)])
    assert encoder.receive([Text("b"), Ended()]) == b""


@pytest.mark.parametrize("events", [[Started(), Ended()], [Started(), Text("a"), Ended()]])
def test_an_end_without_a_reason_is_never_a_silent_stop(events: list[Event]) -> None:
    assert "error" in json.loads(streamed([events], ChatWishes())[-1])


def test_a_blocked_prompt_of_several_candidates_is_one_choice() -> None:
    events = [Started(), USAGE, Blocked("SAFETY"), Ended()]
    (choice,) = folded([events], ChatWishes())["choices"]
    assert choice["native_finish_reason"] == "BLOCKED_SAFETY"


def test_a_prompt_blocked_in_the_midst_closes_every_choice_once() -> None:
    events = [
        Started(), Text("a"), Text("b", 1), Blocked("OTHER"), Finished("STOP"), Ended()
    ]  # fmt: skip
    choices = folded([events], ChatWishes())["choices"]
    assert [choice["native_finish_reason"] for choice in choices] == ["BLOCKED_OTHER"] * 2
    frames = [json.loads(frame) for frame in streamed([events], ChatWishes())[:-1]]
    assert sum(frame["choices"][0]["finish_reason"] is not None for frame in frames) == 2


def test_an_answer_without_counts_says_nothing_of_them() -> None:
    events = [Started(), Text("a"), Finished("STOP"), Ended()]
    assert "usage" not in folded([events], ChatWishes(include_usage=True))
    frames = streamed([events], ChatWishes(include_usage=True))
    assert [json.loads(frame)["usage"] for frame in frames[:-1]] == [None, None, None]
