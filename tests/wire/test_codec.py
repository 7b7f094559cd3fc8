"""Tolerant reading: both spellings, numbers in strings, null as absent, strangers kept."""

from __future__ import annotations

import gc
from typing import Any

import msgspec
import pytest

from gemstream.errors import DecodeError, InvalidRequest
from gemstream.wire.codec import (
    Message,
    MessageDecoder,
    decode,
    decode_plain,
    encode,
    from_plain,
    strangers,
)
from gemstream.wire.content import Blob, Content, FunctionCall, FunctionResponse, Part
from gemstream.wire.generation_config import GenerationConfig, ThinkingConfig
from gemstream.wire.request import GenerateContentRequest
from gemstream.wire.response import Candidate, FinishReason, GenerateContentResponse
from gemstream.wire.tool import FunctionDeclaration, Tool
from gemstream.wire.usage import UsageMetadata

# The same message in several spellings, and what it means.
READ: list[tuple[type[Message], bytes, Message]] = [
    (Part, b'{"inlineData":{"mimeType":"a/b","data":"eA=="}}', Part.of_bytes(b"x", "a/b")),
    (Part, b'{"inline_data":{"mime_type":"a/b","data":"eA=="}}', Part.of_bytes(b"x", "a/b")),
    (Part, b'{"inline_data":{"mimeType":"a/b","data":"eA=="}}', Part.of_bytes(b"x", "a/b")),
    (Part, b'{"text":null,"thought":null,"functionCall":null}', Part()),
    (Part, b'{"thought":"true"}', Part(thought=True)),
    (Content, b'{"role":"user","parts":null}', Content(role="user")),
    (UsageMetadata, b'{"promptTokenCount":"7"}', UsageMetadata(prompt_token_count=7)),
    (UsageMetadata, b'{"prompt_token_count":7.0}', UsageMetadata(prompt_token_count=7)),
    (
        UsageMetadata,
        b'{"totalTokenCount":"9007199254740993"}',
        UsageMetadata(total_token_count=9007199254740993),
    ),
    (
        GenerationConfig,
        b'{"top_k":"40","thinking_config":{"thinking_budget":"-1"}}',
        GenerationConfig(top_k=40.0, thinking_config=ThinkingConfig(thinking_budget=-1)),
    ),
    (Candidate, b'{"finishReason":"STOP"}', Candidate(finish_reason=FinishReason.STOP)),
    (Candidate, b'{"finish_reason":"NEW"}', Candidate(finish_reason=FinishReason("NEW"))),
    (Candidate, b'{"avgLogprobs":"-0.5"}', Candidate(avg_logprobs=-0.5)),
    (FunctionCall, b' {"name" : "f" } \r\n', FunctionCall(name="f")),
    (FunctionCall, b'{"name":"a","name":"b"}', FunctionCall(name="b")),
    (Part, b'{"extra":{"a":1}}', Part(extra={"extra": {"a": 1}})),
    (Part, b'{"new":null}', Part(extra={"new": None})),
]


@pytest.mark.parametrize(("kind", "payload", "meaning"), READ)
def test_every_spelling_of_a_message_is_understood(
    kind: type[Message], payload: bytes, meaning: Message
) -> None:
    assert decode(payload, kind) == meaning
    assert from_plain(decode_plain(payload), kind) == meaning


# What must come back exactly: keys that are the user's own, and fields nobody has typed yet.
KEPT: list[tuple[type[Message], dict[str, Any]]] = [
    (FunctionCall, {"args": {"mime_type": 1, "mimeType": {"file_uri": [{"x_y": None}]}}}),
    (FunctionCall, {"args": {}}),
    (FunctionCall, {"args": {"big": 12345678901234567890, "exact": 0.1, "text": "1"}}),
    (FunctionResponse, {"response": {"inline_data": {"mime_type": "a/b"}}}),
    (FunctionDeclaration, {"parameters": {"type": "OBJECT", "properties": {"mime_type": {}}}}),
    (FunctionDeclaration, {"parametersJsonSchema": {"$defs": {"max_items": {"type": "null"}}}}),
    (GenerationConfig, {"responseJsonSchema": {"properties": {"top_k": {"minItems": 1}}}}),
    (GenerationConfig, {"_responseJsonSchema": {"properties": {"top_k": 1}}}),
    (GenerateContentRequest, {"labels": {"my_label": "a", "myLabel": "b"}}),
    (Tool, {"googleSearch": {}, "urlContext": {"new_thing": 1}}),
    (Part, {"partMetadata": {"snake_case": 1}, "text": ""}),
    (Part, {"text": "a", "newPart": {"deep_key": [1, {"b_c": None}]}}),
    (
        GenerateContentResponse,
        {
            "candidates": [
                {
                    "content": {"parts": [{"text": "a", "n1": 1}], "n2": [2]},
                    "finishReason": "A_NEW_ONE",
                    "n3": {"x_y": 3},
                },
                {"index": 1, "safetyRatings": [{"category": "NEW_HARM", "n4": None}]},
            ],
            "usageMetadata": {"promptTokenCount": 1, "n5": "5"},
            "n6": False,
        },
    ),
]


@pytest.mark.parametrize(("kind", "plain"), KEPT)
def test_what_is_not_ours_comes_back_unchanged_and_in_its_place(
    kind: type[Message], plain: dict[str, Any]
) -> None:
    payload = msgspec.json.encode(plain)
    assert decode_plain(encode(decode(payload, kind))) == plain
    assert decode_plain(encode(from_plain(plain, kind))) == plain


def test_strangers_are_listed_with_the_place_they_stand_in() -> None:
    kind, plain = KEPT[-1]
    assert list(strangers(from_plain(plain, kind))) == [
        ("", "n6"),
        ("candidates[0]", "n3"),
        ("candidates[0].content", "n2"),
        ("candidates[0].content.parts[0]", "n1"),
        ("candidates[1].safety_ratings[0]", "n4"),
        ("usage_metadata", "n5"),
    ]


def test_snake_case_is_read_and_camel_case_is_written() -> None:
    read = decode(b'{"inline_data":{"mime_type":"a/b","data":"eA=="},"~":1}', Part)
    assert encode(read) == b'{"inlineData":{"mimeType":"a/b","data":"eA=="},"~":1}'


# Not JSON, or JSON of another shape: the error shows where.
REFUSED: list[tuple[type[Message], bytes, str, str]] = [
    (Part, b"", "$", "invalid JSON"),
    (Part, b"{", "$", "invalid JSON"),
    (Part, b"{}{}", "$", "invalid JSON"),
    (Part, b'{"text":"\xff"}', "$", "invalid JSON"),
    (Part, b'{"text":"\\ud800"}', "$", "invalid JSON"),
    (Part, b"[" * 100_000, "$", "nested too deeply"),
    (Part, b'{"a":' * 100_000, "$", "nested too deeply"),
    (Part, b"null", "$", "should be an object"),
    (Part, b"[]", "$", "should be an object"),
    (Part, b'"text"', "$", "should be an object"),
    (Part, b'{"text":1}', "$.text", "should be str, the service sent 1"),
    (Part, b'{"inline_data":[]}', "$.inline_data", "should be an object"),
    (Content, b'{"parts":{}}', "$.parts", "should be an array"),
    (Content, b'{"parts":[{},null]}', "$.parts[1]", "should be an object"),
    (Content, b'{"parts":[{"thought":"yes"}]}', "$.parts[0].thought", "should be bool"),
    (UsageMetadata, b'{"totalTokenCount":1.5}', "$.totalTokenCount", "should be int"),
    (UsageMetadata, b'{"totalTokenCount":true}', "$.totalTokenCount", "should be int"),
    (UsageMetadata, b'{"totalTokenCount":"1_0"}', "$.totalTokenCount", "should be int"),
    (FunctionCall, b'{"args":"{}"}', "$.args", "should be dict"),
]


@pytest.mark.parametrize(("kind", "payload", "path", "said"), REFUSED)
def test_what_cannot_be_read_is_named_with_its_place(
    kind: type[Message], payload: bytes, path: str, said: str
) -> None:
    with pytest.raises(DecodeError, match=said) as caught:
        decode(payload, kind)
    assert caught.value.path == path
    assert len(caught.value.excerpt) <= 200
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Part(text="a\ud800"), "Part cannot be written as JSON: .*surrogates not allowed"),
        (FunctionCall(args={"a": object()}), "FunctionCall cannot be written.* type object"),
        ({"a": {1: object()}}, "dict cannot be written"),
    ],
)
def test_what_json_cannot_say_is_refused_before_it_is_sent(value: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        encode(value)


def test_a_decoder_gives_the_same_before_and_after_it_met_a_stranger() -> None:
    decoder = MessageDecoder(Part)
    payloads = [b'{"text":"a"}', b'{"text":"b","new":1}', b'{"text":"a"}']
    before, _, after = map(decoder.decode, payloads)
    assert before == after == Part(text="a")


def test_a_decoder_that_failed_once_reads_the_next() -> None:
    decoder = MessageDecoder(Part)
    for payload in (b"{", b"[]", b'{"text":{}}'):
        with pytest.raises(DecodeError):
            decoder.decode(payload)
    assert decoder.decode(b'{"text":"a"}') == Part(text="a")


def test_messages_cannot_be_changed_and_give_the_collector_no_work() -> None:
    message = Part(inline_data=Blob.of(b"x", "a/b"))
    with pytest.raises(AttributeError):
        message.text = "b"  # type: ignore[misc]
    assert not gc.is_tracked(message)


def test_raw_line_ends_of_unicode_are_written_as_escapes() -> None:
    assert encode(Part(text="a\u0085b\u2028c\u2029d…")) == (
        '{"text":"a\\u0085b\\u2028c\\u2029d…"}'.encode()
    )
