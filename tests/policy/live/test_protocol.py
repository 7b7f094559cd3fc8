"""What may be said when: each refusal at the end that would say it, and where it is heard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from gemstream.errors import (
    APIError,
    DecodeError,
    GemstreamError,
    InvalidRequest,
    InvalidState,
    ProtocolError,
    ResourceExhausted,
    UnsupportedMedia,
)
from gemstream.policy.live.progress import TRANSITIONS, SessionState, Step
from gemstream.policy.live.protocol import CLIENT, MAX_MESSAGE_SIZE, SERVER, LiveProtocol
from gemstream.policy.live.server_event import Audio, Closed, ToolCallCancelled
from gemstream.policy.live.setup_check import NOT_IN_LIVE
from gemstream.policy.live.tool_calls import MAX_OPEN_CALLS
from gemstream.wire.codec import encode
from gemstream.wire.content import Blob
from gemstream.wire.generation_config import GenerationConfig
from gemstream.wire.live.client_message import ClientMessage, RealtimeInput
from gemstream.wire.live.setup import LiveSetup
from support.live import (
    ASK,
    AUDIO_OUT,
    DONE,
    SET_UP,
    SETUP,
    audio_in,
    by_client,
    by_server,
    call,
    connected,
    response,
)

_OFF = by_client(
    setup={
        "model": "m",
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
    }
)
_START = by_client(realtimeInput={"activityStart": {}})
_END = by_client(realtimeInput={"activityEnd": {}})
_STREAM_END = by_client(realtimeInput={"audioStreamEnd": True})


def _config(**fields: Any) -> ClientMessage:
    return ClientMessage(
        setup=LiveSetup(model="models/m", generation_config=GenerationConfig(**fields))
    )


_SET = {
    "response_logprobs": True,
    "logprobs": 3,
    "response_mime_type": "application/json",
    "response_schema": {"type": "STRING"},
    "response_json_schema": {"type": "string"},
    "stop_sequences": ["a"],
    "routing_config": {"a": 1},
    "model_selection_config": {"a": 1},
}

# The first message of a session, and the words of its refusal.
SETUPS: list[tuple[ClientMessage, list[str]]] = [
    (by_client(setup={}), ["needs a model"]),
    (_config(candidate_count=2), ["candidate_count is 2", "set it to 1"]),
    *((_config(**{name: _SET[name]}), [name, instead]) for name, instead in NOT_IN_LIVE.items()),
]

# What a client that is set up cannot send: the setup, messages before, the message, the words.
MESSAGES: list[tuple[ClientMessage, list[ClientMessage], ClientMessage, list[str]]] = [
    (SETUP, [], SETUP, ["a setup", "ready", "set up already"]),
    (SETUP, [], by_client(), ["exactly one", "not nothing"]),
    (
        SETUP,
        [],
        by_client(clientContent={"turnComplete": True}, realtimeInput={"text": "a"}),
        ["client_content and realtime_input"],
    ),
    (SETUP, [], by_client(clientContent={}), ["empty", "turns"]),
    (SETUP, [], by_client(clientContent={"turns": [{"role": "user"}]}), ["without parts"]),
    (SETUP, [], by_client(realtimeInput={}), ["exactly one of its fields, not nothing"]),
    (SETUP, [], by_client(realtimeInput={"audioStreamEnd": False}), ["not nothing"]),
    (SETUP, [], by_client(realtimeInput={"text": ""}), ["text", "empty"]),
    (
        SETUP,
        [],
        by_client(realtimeInput={"text": "a", "audioStreamEnd": True}),
        ["text and audio_stream_end"],
    ),
    (SETUP, [], audio_in(b""), ["audio", "empty"]),
    (SETUP, [], audio_in(mime_type="image/png"), ["'image/png'", "'audio/pcm;rate=16000'"]),
    (SETUP, [], audio_in(mime_type="audio/pcm;rate=7999"), ["'7999'", "8,000 to 48,000"]),
    (SETUP, [], audio_in(mime_type="audio/pcm; Rate = 96000"), ["'96000'", "resample"]),
    (SETUP, [], audio_in(mime_type="audio/pcm;rate=fast"), ["'fast'"]),
    (SETUP, [], by_client(realtimeInput={"audio": {"data": "AAE="}}), ["the type ''"]),
    (
        SETUP,
        [],
        by_client(realtimeInput={"video": {"mimeType": "audio/pcm", "data": "AAE="}}),
        ["'audio/pcm'", "'image/jpeg'"],
    ),
    (
        SETUP,
        [],
        by_client(realtimeInput={"mediaChunks": [{"mimeType": "a/b", "data": "AAE="}]}),
        ["'a/b'"],
    ),
    (SETUP, [], _START, ["activity_start", "automatic_activity_detection.disabled"]),
    (SETUP, [], _END, ["activity_end", "automatic_activity_detection.disabled"]),
    (_OFF, [], _STREAM_END, ["audio_stream_end", "send activity_end"]),
    (_OFF, [], _END, ["without activity_start"]),
    (_OFF, [_START], _START, ["came already"]),
    (_OFF, [_START, _END], _END, ["without activity_start"]),
    (SETUP, [], by_client(toolResponse={}), ["tool response is empty"]),
    (SETUP, [], response("1"), ["no call '1'", "none waits"]),
    (SETUP, [], by_client(toolResponse={"functionResponses": [{"name": "g"}]}), ["no call 'g'"]),
]

# What the service cannot send once the session is set up: messages before, the message, the words.
SERVER_MESSAGES = [
    ([], SET_UP, ["setupComplete", "set up already"]),
    ([], by_server(toolCall={}), ["asks for nothing"]),
    ([call("1")], call("1"), ["'1' is open already"]),
    ([], call("1", "1"), ["'1' is open already"]),
    ([], call(*map(str, range(MAX_OPEN_CALLS + 1))), ["more than 1000 calls"]),
    ([], by_server(toolCallCancellation={"ids": ["1"]}), ["no call '1' to cancel"]),
]


def _refused(provoke: Callable[[], object], words: list[str]) -> GemstreamError:
    with pytest.raises((InvalidRequest, InvalidState, ProtocolError)) as caught:
        provoke()
    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert not said.endswith(".")
    return caught.value


@pytest.mark.parametrize(("setup", "words"), SETUPS)
def test_a_setup_that_cannot_be_is_refused(setup: ClientMessage, words: list[str]) -> None:
    client, server = LiveProtocol(CLIENT), LiveProtocol(SERVER)
    _refused(lambda: client.send(setup), words)
    assert client.state is SessionState.CONNECTING
    client.send(SETUP)  # a refusal changes nothing
    error = _refused(lambda: server.receive(encode(setup)), words)
    assert isinstance(error, ProtocolError)


def test_what_changes_nothing_in_a_setup_may_stand_there() -> None:
    harmless = {name: type(value)() for name, value in _SET.items()}
    assert LiveProtocol(CLIENT).send(_config(candidate_count=1, **harmless))


def test_plain_dicts_in_a_setup_are_read_as_what_they_mean() -> None:
    off: Any = {"automatic_activity_detection": {"disabled": True}}
    client, server = connected(ClientMessage(setup=LiveSetup(model="m", realtime_input_config=off)))
    server.receive(client.send(_START))
    for wrong in ({"stopSequences": ["a"]}, {"temperature": "hot"}, 7, object()):
        setup: Any = LiveSetup(model="m", generation_config=wrong)
        with pytest.raises(InvalidRequest, match=r"stop_sequences|cannot be sent"):
            LiveProtocol(CLIENT).send(ClientMessage(setup=setup))


@pytest.mark.parametrize(("setup", "before", "message", "words"), MESSAGES)
def test_a_message_that_cannot_be_is_refused(
    setup: ClientMessage, before: list[ClientMessage], message: ClientMessage, words: list[str]
) -> None:
    client, server = connected(setup)
    for earlier in before:
        server.receive(client.send(earlier))
    state = client.state
    _refused(lambda: client.send(message), words)
    assert client.state is state
    assert server.receive(client.send(ASK))  # a refusal changes nothing
    assert isinstance(_refused(lambda: server.receive(encode(message)), words), ProtocolError)


@pytest.mark.parametrize(("before", "message", "words"), SERVER_MESSAGES)
def test_a_message_that_the_service_cannot_send_is_refused(
    before: list[Any], message: Any, words: list[str]
) -> None:
    client, server = connected()
    for earlier in before:
        client.receive(server.send(earlier))
    _refused(lambda: server.send(message), words)
    assert client.receive(server.send(AUDIO_OUT))
    assert isinstance(_refused(lambda: client.receive(encode(message)), words), ProtocolError)


@pytest.mark.parametrize(
    "message", [ASK, audio_in(), response("1"), _STREAM_END, by_client(news=1)]
)
def test_nothing_is_sent_before_the_setup_is_complete(message: ClientMessage) -> None:
    client = LiveProtocol(CLIENT)
    _refused(lambda: client.send(message), ["connecting", "the setup comes first"])
    client.send(SETUP)
    _refused(lambda: client.send(message), ["setting up", "wait for setupComplete"])


@pytest.mark.parametrize("message", [AUDIO_OUT, DONE, call("1")])
def test_the_service_says_nothing_before_either(message: Any) -> None:
    for before in ([], [SETUP]):
        client = LiveProtocol(CLIENT)
        for earlier in before:
            client.send(earlier)
        assert isinstance(
            _refused(lambda: client.receive(encode(message)), ["order of the session"]),  # noqa: B023
            ProtocolError,
        )


def test_with_a_token_what_the_setup_does_not_say_is_not_held_against_anybody() -> None:
    client, server = connected(by_client(setup={}), is_constrained=True)
    for message in (_START, _END, _STREAM_END):
        server.receive(client.send(message))


def test_several_media_chunks_are_the_sender_s_mistake_alone() -> None:
    chunks = [{"mimeType": "audio/pcm", "data": "AAE="}] * 2
    message = by_client(realtimeInput={"mediaChunks": chunks})
    client, server = connected()
    _refused(lambda: client.send(message), ["only the first of 2"])
    assert server.receive(encode(message)) == [Audio(b"\0\1", "audio/pcm")]


@pytest.mark.parametrize("audio", [b"\0\1", "AAE=", {"data": "AAE="}])
def test_audio_that_is_no_blob_is_refused_by_name(audio: Any) -> None:
    client, _ = connected()
    message = ClientMessage(realtime_input=RealtimeInput(audio=audio))
    _refused(lambda: client.send(message), [type(audio).__name__, "Blob.of("])


def test_a_rate_error_tells_the_type() -> None:
    client, _ = connected()
    with pytest.raises(UnsupportedMedia) as caught:
        client.send(audio_in(mime_type="audio/pcm;rate=1"))
    assert caught.value.mime_type == "audio/pcm;rate=1"


# --- the end ---------------------------------------------------------------------------------


def test_the_end_cancels_what_was_open_and_tells_where_the_session_stood() -> None:
    client, server = connected()
    client.receive(server.send(call("1")))
    assert client.receive_close(1011, "Internal error encountered.") == [
        ToolCallCancelled(("1",)),
        Closed(1011, "Internal error encountered.", in_turn=True),
    ]
    assert client.receive_close() == []
    assert client.state is SessionState.CLOSED
    for use in (lambda: client.send(ASK), lambda: client.receive(encode(AUDIO_OUT))):
        _refused(use, ["closed", "open another"])


def test_an_end_before_the_setup_is_complete_says_so() -> None:
    client = LiveProtocol(CLIENT)
    client.send(SETUP)
    assert client.receive_close(1007, "no") == [Closed(1007, "no", in_setup=True)]
    assert LiveProtocol(SERVER).receive_close() == [Closed(1006, in_setup=True)]


def test_every_state_can_end_and_nothing_follows_the_end() -> None:
    assert TRANSITIONS[SessionState.CLOSED] == {}
    assert set(TRANSITIONS) == set(SessionState)
    for state in set(SessionState) - {SessionState.CLOSED}:
        assert TRANSITIONS[state][Step.CLOSE] is SessionState.CLOSED


@pytest.mark.parametrize("value", [object(), "\ud800"])
def test_what_json_cannot_say_is_refused_before_it_is_sent(value: Any) -> None:
    client, server = connected()
    client.receive(server.send(call("1")))
    with pytest.raises(InvalidRequest, match="cannot be written as JSON"):
        client.send(response("1", response={"output": value}))
    assert client.open_calls == ("1",)


# --- sizes and errors ------------------------------------------------------------------------


def test_asking_whether_a_message_may_be_sent_sends_nothing() -> None:
    client, server = connected()
    client.check(ASK)
    assert not client.is_in_turn
    for refused in (SETUP, ClientMessage(), response("1")):
        with pytest.raises((InvalidState, InvalidRequest)) as asked:
            client.check(refused)
        with pytest.raises(asked.type, match=re.escape(str(asked.value))):
            client.send(refused)
    assert server.receive(client.send(ASK))


def test_a_message_of_10_mb_is_refused_at_either_end() -> None:
    client, server = connected()
    huge = ClientMessage(realtime_input=RealtimeInput(video=Blob.of(bytes(10**7), "image/jpeg")))
    _refused(lambda: client.send(huge), ["13,333,", f"{MAX_MESSAGE_SIZE:,}", "Files API"])
    error = _refused(lambda: server.receive(encode(huge)), ["max_message_size"])
    assert isinstance(error, ProtocolError)


def test_the_largest_message_passes_and_one_byte_more_does_not() -> None:
    big = by_client(clientContent={"turns": [{"parts": [{"text": "a" * 500}]}]})
    size = len(encode(big))
    client, server = connected(max_message_size=size)
    assert server.receive(client.send(big))
    client, server = connected(max_message_size=size - 1)
    _refused(lambda: client.send(big), [f"{size:,} bytes"])
    _refused(lambda: server.receive(encode(big)), [f"{size:,} bytes", "raise it"])


def test_an_error_object_is_the_service_s_error() -> None:
    client, _ = connected()
    with pytest.raises(ResourceExhausted) as caught:
        client.receive(b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}')
    assert isinstance(client.failure, APIError)
    assert caught.value.message == "slow"


def test_after_a_failure_the_end_of_the_connection_is_still_told() -> None:
    client, _ = connected()
    with pytest.raises(DecodeError):
        client.receive(b"{")
    assert client.receive_close(1007) == [Closed(1007)]
    with pytest.raises(DecodeError):
        client.send(ASK)
