"""What is encoded is decoded to the same message, strangers included, for every wire type."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.wire.codec import Message, decode, encode, from_plain, to_plain
from gemstream.wire.embedding import EmbeddingStatistics, TextInstance
from gemstream.wire.response import GenerateContentResponse
from support.recorded import STREAMS, UNARY, payloads_of, recorded
from support.strategies import MESSAGE_TYPES, calm, messages, texts

LINE_ENDS = re.compile("[\u0085\u2028\u2029]")
# Vertex AI's predict is older than the rule.
UNDERSCORED = ((TextInstance, "task_type"), (EmbeddingStatistics, "token_count"))
every_type = pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)


@every_type
@settings(calm, max_examples=15)
@given(data=st.data())
def test_decoding_what_was_encoded_gives_the_same_message(
    kind: type[Message], data: st.DataObject
) -> None:
    message = data.draw(messages(kind))
    encoded = encode(message)
    assert decode(encoded, kind) == from_plain(to_plain(message), kind) == message
    assert encode(decode(encoded, kind)) == encoded
    assert not LINE_ENDS.search(encoded.decode())
    assert b'"$extra":' not in encoded


@every_type
def test_every_field_is_written_in_camel_case_and_read_in_both_cases(kind: type[Message]) -> None:
    for name, key in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        head, *tail = name.split("_")
        camel = head + "".join(word.title() for word in tail)
        assert key in ("$extra", name if (kind, name) in UNDERSCORED else camel)
        assert from_plain({name: None}, kind) == from_plain({key: None}, kind) or name == "extra"


@calm
@given(text=texts)
def test_text_survives_whatever_it_holds(text: str) -> None:
    encoded = encode({"text": text})
    assert msgspec.json.decode(encoded) == {"text": text}
    assert not LINE_ENDS.search(encoded.decode())


@pytest.mark.parametrize("name", [*STREAMS, *UNARY])
def test_a_recorded_answer_is_written_back_as_it_came(name: str) -> None:
    bodies = [recorded(name)] if name.startswith("unary") else payloads_of(name)
    for body in bodies:
        again = encode(decode(body, GenerateContentResponse))
        assert msgspec.json.decode(again) == msgspec.json.decode(body)
