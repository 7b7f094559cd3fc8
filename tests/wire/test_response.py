"""What the properties of an answer say, of every shape the service sends."""

from __future__ import annotations

import pytest

from gemstream.wire.codec import decode
from gemstream.wire.content import Part
from gemstream.wire.response import GenerateContentResponse, first_candidate

SHAPES = [
    (b"{}", "", "", None),
    (b'{"candidates":[]}', "", "", None),
    (b'{"candidates":[{}]}', "", "", None),
    (b'{"candidates":[{"content":{}}]}', "", "", None),
    (b'{"candidates":[{"content":{"role":"model"},"finishReason":"STOP"}]}', "", "", "STOP"),
    (b'{"candidates":[{"content":{"parts":[]}}]}', "", "", None),
    (b'{"candidates":[{"content":{"parts":[{}]}}]}', "", "", None),
    (b'{"candidates":[{"content":{"parts":[{"text":""}]}}]}', "", "", None),
    (b'{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}', "a", "", None),
    (b'{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b"}]}}]}', "ab", "", None),
    (b'{"candidates":[{"content":{"parts":[{"text":"a","thought":true}]}}]}', "", "a", None),
    (
        b'{"candidates":[{"content":{"parts":[{"text":"a","thought":true},{"text":"b"}]}}]}',
        "b",
        "a",
        None,
    ),
    (b'{"candidates":[{"index":1,"content":{"parts":[{"text":"a"}]}}]}', "", "", None),
    (
        b'{"candidates":[{"index":1,"finishReason":"STOP"},'
        b'{"index":0,"content":{"parts":[{"text":"a"}]}}]}',
        "a",
        "",
        None,
    ),
    (b'{"candidates":[{"finishReason":"SAFETY"}]}', "", "", "SAFETY"),
    (b'{"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]}', "", "", None),
    (b'{"promptFeedback":{"blockReason":"SAFETY"}}', "", "", None),
]


@pytest.mark.parametrize(("payload", "text", "thoughts", "finish"), SHAPES)
def test_text_and_reasons_never_raise(
    payload: bytes, text: str, thoughts: str, finish: str | None
) -> None:
    response = decode(payload, GenerateContentResponse)
    assert (response.text, response.thoughts, response.finish_reason) == (text, thoughts, finish)
    assert response.function_calls == []


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{}", None),
        (b'{"promptFeedback":{}}', None),
        (b'{"promptFeedback":{"blockReason":"SAFETY"}}', "SAFETY"),
        (b'{"promptFeedback":{"blockReason":"A_NEW_ONE"}}', "A_NEW_ONE"),
        (b'{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}', None),
    ],
)
def test_a_block_reason_is_told_when_there_is_one(payload: bytes, reason: str | None) -> None:
    assert decode(payload, GenerateContentResponse).block_reason == reason


def test_function_calls_come_in_their_order() -> None:
    payload = (
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"a"}},{"text":"x"},'
        b'{"functionCall":{"name":"b","args":{"q":1}}}]}}]}'
    )
    response = decode(payload, GenerateContentResponse)
    assert [call.name for call in response.function_calls] == ["a", "b"]
    assert first_candidate(response) is response.candidates[0]


@pytest.mark.parametrize(
    ("part", "is_plain"),
    [
        (Part(text="a"), True),
        (Part(text=""), True),
        (Part(text="a", thought=True), True),
        (Part(), False),
        (Part(text="", thought_signature="c2ln"), False),
        (Part(text="a", extra={"new": 1}), False),
        (Part(text="a", part_metadata={}), False),
        (Part.of_uri("files/x"), False),
    ],
)
def test_plain_text_is_text_and_nothing_more(part: Part, is_plain: bool) -> None:
    assert part.is_plain_text is is_plain
