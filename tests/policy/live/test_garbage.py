"""What is no message, or only nearly one: a typed error at either end, and never another."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import DecodeError, GemstreamError, ProtocolError
from gemstream.policy.live.protocol import SERVER, LiveProtocol
from gemstream.wire.codec import encode
from gemstream.wire.live.client_message import ClientMessage
from gemstream.wire.live.server_message import ServerMessage
from support.live import ASK, SETUP, audio_in, connected, response
from support.strategies import calm, plain

GARBAGE = [
    b"",
    b"null",
    b"[]",
    b'"a"',
    b"\xff\xfe",
    b"\x00" * 8,
    b"{" * 100_000,
    b'{"serverContent":' * 2000,
    b'{"serverContent":[]}',
    b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm","data":"!"}}]}}}',
    b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"!!!"}}}',
    b'{"serverContent":{"modelTurn":{"parts":"a"}}}',
    b'{"goAway":{"timeLeft":"soon"}}',
    b'{"goAway":{"timeLeft":5}}',
    b'{"voiceActivity":{"type":"ACTIVITY_START","audioOffset":"x"}}',
    b'{"sessionResumptionUpdate":{"lastConsumedClientMessageIndex":"x"}}',
    b'{"toolCall":{"functionCalls":[1]}}',
    b'{"toolCallCancellation":{"ids":7}}',
    b'{"setup":7}',
    b'{"clientContent":{"turns":{}}}',
    b'{"toolResponse":{"functionResponses":[{"id":1.5,"response":[]}]}}',
    '{"a":"\ud800"}',
    '"\ud800"',
]


@pytest.mark.parametrize("payload", GARBAGE, ids=lambda payload: repr(payload)[:30])
def test_garbage_is_a_typed_error_at_either_end(payload: bytes | str) -> None:
    failures = 0
    for end in connected():
        try:
            end.receive(payload)
        except ProtocolError:
            failures += 1
            with pytest.raises(ProtocolError) as again:
                end.receive(b"{}")
            assert again.value is end.failure
    assert failures


@pytest.mark.parametrize("message", [SETUP, ASK, audio_in(), response("1")])
def test_any_part_of_a_message_is_a_typed_error(message: ClientMessage) -> None:
    payload = encode(message)
    for end in range(len(payload)):
        with pytest.raises(DecodeError):
            LiveProtocol(SERVER).receive(payload[:end])


@calm
@given(data=st.one_of(st.binary(max_size=60), plain.map(msgspec.json.encode)))
def test_whatever_comes_is_an_event_or_a_typed_error(data: bytes) -> None:
    for end in connected():
        try:
            assert isinstance(end.receive(data), list)
        except GemstreamError:
            assert end.failure is not None


_NAMES = st.sampled_from(
    [
        *ClientMessage.__struct_encode_fields__,
        *ServerMessage.__struct_encode_fields__,
        *("modelTurn", "parts", "text", "audio", "turns", "inlineData", "mimeType", "data"),
        *("functionCalls", "functionResponses", "id", "ids", "timeLeft", "newHandle"),
    ]
)
_near = st.recursive(
    st.one_of(plain, st.sampled_from(["AAE=", "audio/pcm;rate=1", "5s", True])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(_NAMES, inner)),
    max_leaves=8,
)


@calm
@given(message=st.dictionaries(_NAMES, _near, max_size=3))
def test_nearly_right_messages_are_events_or_typed_errors(message: dict[str, Any]) -> None:
    for end in connected():
        try:
            end.receive(msgspec.json.encode(message))
        except GemstreamError:
            assert end.failure is not None
