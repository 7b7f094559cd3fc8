"""MessageEncoder and WholeMessage: one answer, streamed and whole, as the official SDK reads it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import InvalidState, StreamInterrupted
from gemstream.wire.dialect.anthropic.blocks import UNSIGNED
from gemstream.wire.dialect.anthropic.events import MessageEncoder
from gemstream.wire.dialect.anthropic.whole import WholeMessage
from gemstream.wire.dialect.anthropic.wishes import MessageWishes
from gemstream.wire.dialect.neutral import (
    Blocked,
    Ended,
    Event,
    Failed,
    Finished,
    Media,
    Metadata,
    RawPart,
    Signature,
    SignatureTarget,
    Text,
    Thought,
    Usage,
)
from gemstream.wire.usage import UsageMetadata
from support.anthropic_answers import STARTED, answers, call, wishes_of_any
from support.anthropic_sdk import accumulated, read_events, streamed, whole

STOP: list[Event] = [Finished("STOP"), Ended()]


def events_of(*events: Event, wishes: MessageWishes | None = None) -> list[dict[str, Any]]:
    """The events of a stream without pings."""
    data, _ = streamed([[STARTED, *events]], wishes)
    return [event for event in read_events(data) if event["type"] != "ping"]


def blocks_of(*events: Event, wishes: MessageWishes | None = None) -> list[dict[str, Any]]:
    """The content of the whole answer, which must be that of the stream."""
    all_events: list[Event] = [STARTED, *events]
    content = whole(all_events, wishes)["content"]
    data, _ = streamed([all_events], wishes)
    assert accumulated(data)["content"] == content
    return list(content)


def test_text_then_a_call_in_the_exact_order() -> None:  # TV-41
    counts = UsageMetadata(
        prompt_token_count=20,
        cached_content_token_count=5,
        candidates_token_count=9,
        thoughts_token_count=3,
    )
    events = events_of(
        Usage(counts), Text("Let me"), Text(" look"), *call(0, "rd", '{"p":"a"}'), *STOP
    )
    message, tool = events[0]["message"], events[5]["content_block"]
    assert message == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 15,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 5,
            "output_tokens": 1,
        },
    }
    assert tool["id"].startswith("toolu_")
    assert events[1:] == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        _delta(0, "text_delta", text="Let me"),
        _delta(0, "text_delta", text=" look"),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": tool["id"], "name": "rd", "input": {}},
        },
        _delta(1, "input_json_delta", partial_json='{"p":"a"}'),
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {
                "input_tokens": 15,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 5,
                "output_tokens": 12,
                "output_tokens_details": {"thinking_tokens": 3},
            },
        },
        {"type": "message_stop"},
    ]


def _delta(index: int, kind: str, **fields: str) -> dict[str, Any]:
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": kind, **fields},
    }


def test_a_signed_call_without_thoughts_has_its_signature_in_front() -> None:  # TV-43
    events: list[Event] = [STARTED, *call(0, "f", '{"a":1}', signature="SG"), *STOP]
    data, encoder = streamed([events])
    redacted, tool = accumulated(data)["content"]
    assert redacted["type"] == "redacted_thinking"
    assert redacted["data"].startswith("gt1.")
    assert (tool["type"], tool["name"], tool["input"]) == ("tool_use", "f", {"a": 1})
    (kept,) = encoder.cache_writes
    assert (kept.value, kept.call_id) == ("SG", tool["id"])


def test_a_signed_call_after_open_thoughts_signs_those_once() -> None:
    events = events_of(Thought("hm"), *call(0, "f", signature="SG"), *STOP)
    signed = [e["delta"] for e in events if e.get("delta", {}).get("type") == "signature_delta"]
    assert len(signed) == 1
    assert signed[0]["signature"].startswith("gt1.")
    assert signed[0]["signature"] != UNSIGNED
    assert [e["content_block"]["type"] for e in events if "content_block" in e] == [
        "thinking",
        "tool_use",
    ]


def test_thoughts_with_a_signature_of_their_own_keep_it() -> None:
    blocks = blocks_of(
        Thought("hm"),
        Signature("TH", SignatureTarget.THOUGHT),
        *call(0, "f", signature="SG"),
        *STOP,
    )
    assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking", "tool_use"]


def test_a_signature_after_text_is_kept_and_not_sent() -> None:  # TV-44
    events: list[Event] = [STARTED, Text("hi"), Signature("TS", SignatureTarget.TEXT), *STOP]
    data, encoder = streamed([events])
    assert [block["type"] for block in accumulated(data)["content"]] == ["text"]
    (kept,) = encoder.cache_writes
    assert (kept.value, kept.text) == ("TS", "hi")
    assert b"TS" not in data


def test_no_signatures_are_kept_where_nobody_asked() -> None:
    said = [Text("hi"), Signature("TS", SignatureTarget.TEXT), *call(0, "f", signature="SG")]
    _, encoder = streamed([[STARTED, *said, *STOP]], MessageWishes(keeps_signatures=False))
    assert encoder.cache_writes == ()


@pytest.mark.parametrize(
    ("end", "delta"),
    [
        (Finished("STOP"), {"stop_reason": "end_turn", "stop_sequence": None}),
        (Finished("MAX_TOKENS"), {"stop_reason": "max_tokens", "stop_sequence": None}),
        (Finished("MALFORMED_FUNCTION_CALL"), {"stop_reason": "end_turn", "stop_sequence": None}),
        (Finished("SOMETHING_NEW"), {"stop_reason": "end_turn", "stop_sequence": None}),
        (
            Finished("SAFETY", "blocked"),  # TV-46
            {
                "stop_reason": "refusal",
                "stop_sequence": None,
                "stop_details": {"type": "refusal", "category": None, "explanation": "blocked"},
            },
        ),
        (
            Finished("RECITATION"),
            {
                "stop_reason": "refusal",
                "stop_sequence": None,
                "stop_details": {"type": "refusal", "category": None, "explanation": "RECITATION"},
            },
        ),
        (
            Blocked("PROHIBITED_CONTENT"),
            {
                "stop_reason": "refusal",
                "stop_sequence": None,
                "stop_details": {
                    "type": "refusal",
                    "category": None,
                    "explanation": "PROHIBITED_CONTENT",
                },
            },
        ),
    ],
)
def test_the_reason_of_the_end(end: Event, delta: dict[str, Any]) -> None:
    events = events_of(Text("x"), end, Ended())
    assert [event["delta"] for event in events if event["type"] == "message_delta"] == [delta]


def test_only_a_plain_stop_after_a_call_says_tool_use() -> None:
    assert whole([STARTED, *call(0, "f"), *STOP])["stop_reason"] == "tool_use"
    cut: list[Event] = [STARTED, *call(0, "f"), Finished("MAX_TOKENS"), Ended()]
    assert whole(cut)["stop_reason"] == "max_tokens"


def test_a_broken_answer_leaves_its_block_open_and_ends_with_one_error() -> None:  # TV-47
    data, encoder = streamed([[STARTED, Text("a")], [Failed(StreamInterrupted("reset"))]])
    types = [event["type"] for event in read_events(data)]
    assert types == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "error",
    ]
    error = read_events(data)[-1]
    assert error["error"]["type"] == "api_error"
    assert error["error"]["message"]
    assert error["request_id"] == "req_1"
    assert encoder.is_over


def test_a_failure_before_anything_is_the_error_alone() -> None:
    data, _ = streamed([[Failed(StreamInterrupted("reset"))]])
    assert [event["type"] for event in read_events(data)] == ["error"]


def test_a_whole_answer_that_broke_raises_what_broke_it() -> None:
    message = WholeMessage(MessageWishes(), id="msg_1", model="claude")
    message.receive([STARTED, Text("a")])
    with pytest.raises(InvalidState, match="has not ended"):
        message.body()
    message.receive([Failed(StreamInterrupted("reset"))])
    assert isinstance(message.failure, StreamInterrupted)
    with pytest.raises(StreamInterrupted, match="reset"):
        message.body()


def test_nothing_comes_behind_the_end() -> None:
    _, encoder = streamed([[STARTED, *STOP]])
    with pytest.raises(InvalidState, match="a Text came"):
        encoder.receive([Text("late")])


@pytest.mark.parametrize(
    ("events", "types"),
    [
        ([*STOP], ["text"]),
        ([Finished("MAX_TOKENS"), Ended()], ["text"]),
        ([Blocked("SAFETY"), Ended()], ["text"]),
        ([Thought("hm"), *STOP], ["thinking", "text"]),
        ([Thought("hm"), Finished("MAX_TOKENS"), Ended()], ["thinking"]),
        ([Text("a"), *STOP], ["text"]),
        ([Thought("a"), Text("b"), Thought("c"), Text("d"), *STOP], ["thinking", "text"] * 2),
        ([*call(0, "f"), *call(1, "f"), *STOP], ["tool_use", "tool_use"]),
        ([Text("a"), *call(0, "f"), Text("b"), *STOP], ["text", "tool_use", "text"]),
    ],
)
def test_the_blocks_of(events: list[Event], types: list[str]) -> None:
    assert [block["type"] for block in blocks_of(*events)] == types


def test_thoughts_without_a_signature_carry_the_mark_of_none() -> None:
    (thinking, _) = blocks_of(Thought("hm"), Text("a"), *STOP)
    assert thinking == {"type": "thinking", "thinking": "hm", "signature": UNSIGNED}


def test_omitted_thoughts_are_not_shown_and_their_calls_stay_signed() -> None:
    wishes = MessageWishes(shows_thoughts=False)
    blocks = blocks_of(
        Thought("hm"),
        Signature("TH", SignatureTarget.THOUGHT),
        *call(0, "f", signature="SG"),
        *STOP,
        wishes=wishes,
    )
    assert [block["type"] for block in blocks] == ["redacted_thinking", "tool_use"]


def test_empty_arguments_bring_no_delta() -> None:
    events = events_of(*call(0, "f"), *STOP)
    assert not [event for event in events if event["type"] == "content_block_delta"]
    assert blocks_of(*call(0, "f"), *STOP)[0]["input"] == {}


def test_arguments_stay_the_json_that_came() -> None:  # TV-37 in this dialect
    arguments = '{"n":9007199254740993,"f":1.0,"s":"é"}'
    message = WholeMessage(MessageWishes(), id="msg_1", model="claude")
    message.receive([STARTED, *call(0, "f", arguments[:9], arguments[9:]), *STOP])
    assert f'"input":{arguments}'.encode() in message.body()


def test_a_caller_without_parallel_tools_gets_the_first_call_only() -> None:
    wishes = MessageWishes(is_one_call=True)
    events: list[Event] = [
        STARTED,
        *call(0, "f", '{"a":1}', signature="S"),
        *call(1, "g", '{"b":1}', signature="T"),
        *STOP,
    ]
    data, encoder = streamed([events], wishes)
    content = accumulated(data)["content"]
    assert [block.get("name") for block in content] == [None, "f"]
    assert encoder.dropped == {"parallel functionCall": 1}
    assert [kept.value for kept in encoder.cache_writes] == ["S"]


def test_a_changed_name_is_the_callers_again() -> None:
    wishes = MessageWishes(tool_names={"get_weather": "get weather"})
    assert blocks_of(*call(0, "get_weather"), *STOP, wishes=wishes)[0]["name"] == "get weather"


def test_an_image_is_shown_as_markdown_beside_the_text() -> None:
    (block,) = blocks_of(Text("see "), Media("image/png", "AAAA"), *STOP)
    assert block["text"] == "see ![image](data:image/png;base64,AAAA)"


def test_what_has_no_place_is_named() -> None:
    events: list[Event] = [
        STARTED,
        RawPart(b"{}"),
        Media("audio/wav", "AAAA"),
        Metadata("groundingMetadata", b"{}"),
        Signature("S", SignatureTarget.SERVER),
        Signature("S", SignatureTarget.THOUGHT),
        *call(0, "f", signature="SG"),
        *STOP,
    ]
    message = WholeMessage(MessageWishes(), id="msg_1", model="claude")
    message.receive(events)
    _, encoder = streamed([events])
    assert message.dropped == encoder.dropped
    assert encoder.dropped == {
        "part without a counterpart": 1,
        "inlineData": 1,
        "signature (srv)": 1,
        "signature (thought)": 1,
    }
    assert message.cache_writes == encoder.cache_writes
    assert [kept.value for kept in message.cache_writes] == ["SG"]


def test_other_candidates_are_not_of_this_message() -> None:
    blocks = blocks_of(Text("a"), Text("b", 1), Finished("MAX_TOKENS", candidate=1), *STOP)
    assert [block["text"] for block in blocks] == ["a"]


def test_the_counts_of_tools_are_input_and_the_last_counts_win() -> None:  # TV-32
    first = UsageMetadata(prompt_token_count=151)
    last = UsageMetadata(
        prompt_token_count=151,
        candidates_token_count=1089,
        total_token_count=20689,
        tool_use_prompt_token_count=18329,
        thoughts_token_count=1120,
    )
    data, _ = streamed([[STARTED, Usage(first), Text("a")], [Usage(last), *STOP]])
    assert read_events(data)[0]["message"]["usage"]["input_tokens"] == 151
    usage = accumulated(data)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (18480, 2209)
    assert usage["output_tokens_details"] == {"thinking_tokens": 1120}


def test_the_heartbeat_is_a_ping() -> None:
    encoder = MessageEncoder(MessageWishes(), id="msg_1", model="claude")
    assert encoder.heartbeat() == b'event: ping\ndata: {"type":"ping"}\n\n'


def test_line_ends_of_unicode_do_not_end_a_line() -> None:
    data, _ = streamed([[STARTED, Text("a\u2028b\u0085c\nd"), *STOP]])
    assert all("\u2028" not in line and "\u0085" not in line for line in data.decode().split("\n"))
    assert accumulated(data)["content"][0]["text"] == "a\u2028b\u0085c\nd"


@given(answers(), wishes_of_any, st.data())
def test_the_sdk_makes_of_the_stream_what_the_whole_answer_is(
    events: list[Event], wishes: MessageWishes, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=4).map(sorted))
    bounds = [0, *cuts, len(events)]
    stream, encoder = streamed([events[a:b] for a, b in pairwise(bounds)], wishes)
    message, folded = accumulated(stream), whole(events, wishes)
    assert message == folded
    assert encoder.is_over


@given(answers(), wishes_of_any)
def test_blocks_are_counted_from_0_and_one_is_open_at_a_time(
    events: list[Event], wishes: MessageWishes
) -> None:
    stream, _ = streamed([events], wishes)
    read = read_events(stream)
    assert [event["type"] for event in read[:2]] == ["message_start", "ping"]
    assert [event["type"] for event in read[-2:]] == ["message_delta", "message_stop"]
    open_index: int | None = None
    count = 0
    for event in read[2:-2]:
        match event["type"]:
            case "content_block_start":
                assert open_index is None
                assert event["index"] == count
                open_index, count = count, count + 1
            case "content_block_delta":
                assert event["index"] == open_index
            case "content_block_stop":
                assert event["index"] == open_index
                open_index = None
            case other:
                pytest.fail(f"{other} inside the message")
    assert open_index is None
    assert count
