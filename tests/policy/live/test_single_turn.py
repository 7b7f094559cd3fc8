"""A request of generateContent → the session that asks the same, or why none can."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gemstream.errors import InvalidRequest
from gemstream.policy.live.protocol import CLIENT, LiveProtocol
from gemstream.policy.live.setup_check import NOT_IN_LIVE
from gemstream.policy.live.single_turn import NOT_IN_A_TURN, SingleTurn, single_turn
from gemstream.wire.codec import to_plain
from gemstream.wire.generation_config import GenerationConfig
from gemstream.wire.live.client_message import ClientMessage
from support.live import SET_UP

MODEL = "models/gemini-9-live"
USER: dict[str, Any] = {"role": "user", "parts": [{"text": "Hi"}]}
REPLY: dict[str, Any] = {"role": "model", "parts": [{"text": "Hello"}]}
PICTURE: dict[str, Any] = {
    "role": "user",
    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAEC"}}],
}


def turn_of(*contents: Any, can_write: bool = False, content: bool = True, **more: Any) -> Any:
    body = json.dumps({"contents": contents or (USER,), **more}).encode()
    return single_turn(body, model=MODEL, can_write=can_write, answers_content=content)


def sent(turn: SingleTurn) -> list[Any]:
    return [to_plain(message) for message in turn.messages]


def test_the_whole_history_is_asked_in_one_content() -> None:
    turn = turn_of(USER, REPLY, PICTURE)
    assert sent(turn) == [
        {"clientContent": {"turns": [USER, REPLY, PICTURE], "turnComplete": True}}
    ]
    assert turn.setup.model == MODEL
    assert turn.setup.history_config is None


def test_what_a_request_says_beside_its_contents_is_the_setup() -> None:
    beside: dict[str, Any] = {
        "systemInstruction": {"parts": [{"text": "Be brief"}]},
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
        "labels": {"team": "a"},
    }
    config = {"temperature": 0.5, "seed": 7, "maxOutputTokens": 9, "unheardOf": 1}
    setup = to_plain(turn_of(**beside, generationConfig=config).setup)
    assert setup == {
        "model": MODEL,
        **beside,
        "generationConfig": {**config, "responseModalities": ["AUDIO"]},
        "outputAudioTranscription": {},
    }


@pytest.mark.parametrize(
    ("can_write", "config", "modality", "is_transcribed"),
    [
        (False, {}, "AUDIO", True),
        (True, {}, "TEXT", False),
        (True, {"speechConfig": {"languageCode": "de-DE"}}, "AUDIO", True),
        (True, {"responseModalities": ["AUDIO"]}, "AUDIO", True),
        (False, {"responseModalities": ["TEXT"]}, "TEXT", False),
    ],
)
def test_a_model_writes_where_it_can_and_else_speaks_and_is_transcribed(
    can_write: bool, config: dict[str, Any], modality: str, is_transcribed: bool
) -> None:
    setup = turn_of(can_write=can_write, generationConfig=config).setup
    assert list(setup.generation_config.response_modalities) == [modality]
    assert (setup.output_audio_transcription is not None) is is_transcribed


def test_a_model_to_which_content_is_history_is_asked_by_realtime_text() -> None:
    last = {"role": "user", "parts": [{"text": "And"}, {"text": "now?"}]}
    turn = turn_of(USER, REPLY, last, content=False)
    assert turn.setup.begins_with_history
    assert sent(turn) == [
        {"clientContent": {"turns": [USER, REPLY], "turnComplete": True}},
        {"realtimeInput": {"text": "And\nnow?"}},
    ]
    alone = turn_of(last, content=False)
    assert not alone.setup.begins_with_history
    assert sent(alone) == [{"realtimeInput": {"text": "And\nnow?"}}]


@pytest.mark.parametrize("last", [PICTURE, REPLY])
def test_such_a_model_is_asked_with_words_of_the_user_alone(last: Any) -> None:
    with pytest.raises(InvalidRequest, match="words of the user"):
        turn_of(USER, last, content=False)


@pytest.mark.parametrize("content", [True, False])
def test_every_message_may_be_sent_where_it_stands(content: bool) -> None:
    turn = turn_of(USER, REPLY, USER, content=content)
    protocol = LiveProtocol(CLIENT)
    protocol.send(ClientMessage(setup=turn.setup))
    protocol.receive(json.dumps(to_plain(SET_UP)))
    for message in turn.messages:
        assert not protocol.is_in_turn
        protocol.send(message)
    assert protocol.is_in_turn


# --- what a session has no place for ---------------------------------------------------------

IN_REQUEST: dict[str, Any] = {
    "tool_config": {"functionCallingConfig": {"mode": "ANY"}},
    "cached_content": "cachedContents/a",
    "service_tier": "flex",
    "store": True,
    "continuation_token": "t",
    "model_armor_config": {"promptTemplateName": "p"},
}
IN_CONFIG: dict[str, Any] = {
    "response_json_schema": {"type": "object"},
    "response_schema": {"type": "OBJECT"},
    "response_mime_type": "application/json",
    "response_format": [{"type": "text"}],
    "stop_sequences": ["."],
    "response_logprobs": True,
    "logprobs": 2,
    "routing_config": {"autoMode": {}},
    "model_selection_config": {"featureSelectionPreference": "BALANCED"},
    "image_config": {"aspectRatio": "1:1"},
    "audio_timestamp": True,
}


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


@pytest.mark.parametrize("name", [*IN_REQUEST, *IN_CONFIG])
def test_an_option_without_a_place_is_refused_by_name_with_the_way_out(name: str) -> None:
    if name in IN_REQUEST:
        more = {_camel(name): IN_REQUEST[name]}
    else:
        more = {"generationConfig": {_camel(name): IN_CONFIG[name]}}
    with pytest.raises(InvalidRequest) as raised:
        turn_of(**more)
    assert name in str(raised.value)
    assert NOT_IN_A_TURN[name] in str(raised.value)


def test_the_tables_are_whole() -> None:
    assert NOT_IN_A_TURN.keys() == IN_REQUEST.keys() | IN_CONFIG.keys()
    assert NOT_IN_LIVE.keys() <= NOT_IN_A_TURN.keys()
    assert set(GenerationConfig.__struct_fields__) >= IN_CONFIG.keys()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"generationConfig": {"candidateCount": 2}}, "one voice"),
        ({"realtimeInputConfig": {}}, "'realtimeInputConfig'"),
        ({"tools": 5}, "extra_body"),
        ({"contents": []}, "at least one"),
        ({"contents": [{"role": "user"}]}, "at least one"),
    ],
)
def test_what_no_session_can_ask_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        turn_of(**more)


def test_one_candidate_is_what_live_gives() -> None:
    assert turn_of(generationConfig={"candidateCount": 1}).messages
