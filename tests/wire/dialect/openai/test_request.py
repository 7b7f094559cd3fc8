"""The fields of a chat request, one by one, and what is left out or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.wire.dialect.dialect import Dialect
from gemstream.wire.dialect.model_traits import traits_of
from gemstream.wire.dialect.openai import ChatOptions, InvalidParameter, chat_request
from gemstream.wire.dialect.refusal import refusal_of
from gemstream.wire.dialect.refusal_form import encode_refusal
from support.chats import FLASH_2_0, FLASH_2_5, FLASH_3, VECTORS, call, function, gemini, translated

OPTIONS = ChatOptions(model=FLASH_2_5, traits=traits_of(FLASH_2_5))


@pytest.mark.parametrize("name", ["TV-01", "TV-02"])
def test_a_whole_request_as_its_vector(name: str) -> None:
    case = VECTORS[name]
    assert gemini(case["in"]) == case["out"]


CONFIG = [
    ({"max_tokens": 5}, {"maxOutputTokens": 5}),
    ({"max_tokens": 5, "max_completion_tokens": 9}, {"maxOutputTokens": 9}),
    ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "topP": 0.9}),
    ({"temperature": None, "stop": None, "seed": None}, None),
    ({"top_k": 40}, {"topK": 40}),
    ({"n": 1}, None),
    ({"n": 8}, {"candidateCount": 8}),
    ({"stop": "END"}, {"stopSequences": ["END"]}),
    ({"stop": ["a", "", "b"]}, {"stopSequences": ["a", "b"]}),
    ({"stop": ""}, None),
    ({"seed": 7}, {"seed": 7}),
    ({"seed": 2**31}, {"seed": -(2**31)}),
    ({"seed": -1}, {"seed": -1}),
    ({"seed": 2**63 - 1}, {"seed": -1}),
    (
        {"presence_penalty": 1, "frequency_penalty": -1},
        {"presencePenalty": 1, "frequencyPenalty": -1},
    ),
    ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
    ({"logprobs": True}, {"responseLogprobs": True}),
    ({"logprobs": False}, None),
    ({"modalities": ["text"]}, None),
    ({"modalities": ["text", "image"]}, {"responseModalities": ["TEXT", "IMAGE"]}),
    (
        {"modalities": ["audio"], "audio": {"voice": "Kore", "format": "pcm16"}},
        {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
    ),
    ({"response_format": {"type": "text"}}, None),
    ({"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
]


@pytest.mark.parametrize(("body", "config"), CONFIG)
def test_what_samples_the_answer(body: dict[str, Any], config: Any) -> None:
    assert gemini(body).get("generationConfig") == config


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
ASKS_SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "A", "strict": True, "schema": SCHEMA},
}


def test_a_schema_goes_as_json_schema_from_2_5_on() -> None:
    config = gemini({"response_format": ASKS_SCHEMA})["generationConfig"]
    assert config == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}


def test_a_schema_goes_in_geminis_own_form_before() -> None:
    config = gemini({"model": FLASH_2_0, "response_format": ASKS_SCHEMA})["generationConfig"]
    assert config["responseSchema"]["properties"] == {"a": {"type": "INTEGER"}}
    assert "responseJsonSchema" not in config


@pytest.mark.parametrize("format", [ASKS_SCHEMA, {"type": "json_object"}])
def test_a_format_beside_functions_is_said_in_words_before_gemini_3(format: Any) -> None:
    request = translated({"response_format": format, "tools": [function()]})
    body = json.loads(request.body)
    assert "generationConfig" not in body
    assert "JSON" in body["systemInstruction"]["parts"][-1]["text"]
    assert any("response_format" in warning for warning in request.warnings)


def test_a_format_goes_beside_functions_on_gemini_3() -> None:
    body = gemini({"model": FLASH_3, "response_format": ASKS_SCHEMA, "tools": [function()]})
    assert body["generationConfig"]["responseJsonSchema"] == SCHEMA


@pytest.mark.parametrize("case", VECTORS["TV-17"]["cases"])
def test_effort_as_its_vector(case: dict[str, Any]) -> None:
    body = {"model": case["model"], "reasoning_effort": case["effort"]}
    if "extra_body" in case:
        with pytest.raises(InvalidParameter) as caught:
            gemini({**body, "extra_body": case["extra_body"]})
        assert caught.value.param == "reasoning_effort"
        return
    request = translated(body)
    config = json.loads(request.body).get("generationConfig", {}).get("thinkingConfig")
    if config and "thinkingLevel" in config:
        config["thinkingLevel"] = config["thinkingLevel"].lower()
    assert config == case["out"]
    assert request.dropped == (() if config else ("reasoning_effort",))


@pytest.mark.parametrize(
    "body",
    [{"include_reasoning": True}, {"reasoning": {"summary": "auto"}}],
)
def test_thoughts_are_shown_when_asked_for(body: dict[str, Any]) -> None:
    assert gemini(body)["generationConfig"]["thinkingConfig"] == {"includeThoughts": True}


def test_thoughts_are_shown_by_default_when_the_operator_says_so() -> None:
    config = gemini({"reasoning_effort": "low"}, includes_thoughts=True)["generationConfig"]
    assert config["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 1024}
    config = gemini({"include_reasoning": False}, includes_thoughts=True)["generationConfig"]
    assert config["thinkingConfig"] == {"includeThoughts": False}


@pytest.mark.parametrize(
    ("tier", "sent"),
    [
        ("flex", "flex"),
        ("priority", "priority"),
        ("fast", "priority"),
        *((name, None) for name in ("auto", "default", "scale")),
    ],
)
def test_service_tiers(tier: str, sent: str | None) -> None:
    assert gemini({"service_tier": tier}).get("serviceTier") == sent


DROPPED = ["store", "prediction", "logit_bias", "verbosity", "moderation", "prompt_cache_retention"]


@pytest.mark.parametrize("name", [*DROPPED, "metadata", "no_such_field"])
def test_what_has_no_counterpart_is_reported_and_refused_in_strict_mode(name: str) -> None:
    assert translated({name: {"a": 1}}).dropped == (name,)
    assert translated({name: None}, is_strict=True).dropped == ()
    with pytest.raises(InvalidParameter, match="no counterpart") as caught:
        translated({name: {"a": 1}}, is_strict=True)
    assert (caught.value.param, caught.value.code) == (name, "unsupported_parameter")


def test_every_field_that_is_honoured_is_none_of_the_dropped() -> None:
    request = translated(
        {
            "stream": True,
            "stream_options": {"include_usage": True, "include_obfuscation": True},
            "parallel_tool_calls": True,
            "user": "u",
            "safety_identifier": "s",
            "prompt_cache_key": "k",
            "max_tokens": 1,
            "max_completion_tokens": 1,
        }
    )
    assert request.dropped == ()
    assert request.is_stream
    assert request.wishes.include_usage


@pytest.mark.parametrize(
    ("body", "session"),
    [
        ({}, None),
        ({"user": "u"}, "u"),
        ({"safety_identifier": "s"}, "s"),
        ({"user": "u", "prompt_cache_key": "k"}, "k"),
    ],
)
def test_what_keeps_a_conversation_on_one_account(body: dict[str, Any], session: Any) -> None:
    assert translated(body).session == session


REFUSED = [
    ({"n": 9}, "n"),
    ({"n": 0}, "n"),
    ({"n": True}, "n"),
    ({"max_tokens": "5"}, "max_tokens"),
    ({"temperature": "hot"}, "temperature"),
    ({"stop": list("abcdef")}, "stop"),
    ({"stop": [1]}, "stop"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"reasoning_effort": "hihg"}, "reasoning_effort"),
    ({"service_tier": "gold"}, "service_tier"),
    ({"modalities": ["smell"]}, "modalities"),
    ({"audio": {"voice": "Kore", "format": "mp3"}}, "audio.format"),
    ({"audio": {"format": "pcm16"}}, "audio.voice"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"schema": {"$ref": "http://x"}},
            }
        },
        "response_format.json_schema.schema",
    ),
    ({"messages": []}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": ["hi"]}, "messages[0]"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "usr", "content": "hi"}]}, "messages[0].role"),
    ({"model": ""}, "model"),
    ({"model": None}, "model"),
    ({"extra_body": {"google": {"contents": []}}}, "extra_body.google.contents"),
    ({"google": {"thinking_config": 5}}, "google.thinking_config"),
    ({"google": {"thinking_config": {"budget": 5}}}, "google.thinking_config"),
    ({"safety_settings": [5]}, "safety_settings"),
]


@pytest.mark.parametrize(("body", "param"), REFUSED)
def test_a_fault_is_refused_by_its_place(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        chat_request(
            json.dumps(
                {"model": FLASH_2_5, "messages": [{"role": "user", "content": "hi"}], **body}
            ).encode(),
            options=OPTIONS,
        )
    assert caught.value.param == param


def test_a_misspelt_word_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidParameter, match="did you mean 'high'"):
        translated({"reasoning_effort": "hihg"})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"a"', b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParameter, match="the body is not"):
        chat_request(body, options=OPTIONS)


def test_a_cool_gemini_3_is_warned_of() -> None:
    assert translated({"model": FLASH_3, "temperature": 0.2}).warnings
    assert not translated({"model": FLASH_2_5, "temperature": 0.2}).warnings


def test_googles_own_options_win() -> None:
    body = gemini(
        {
            "temperature": 0.1,
            "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
            "extra_body": {
                "google": {
                    "thinking_config": {"thinking_budget": 0, "include_thoughts": True},
                    "generation_config": {"temperature": 0.9},
                    "mediaResolution": "MEDIA_RESOLUTION_LOW",
                    "labels": {"some_team": "a"},
                }
            },
        }
    )
    assert body["generationConfig"] == {
        "temperature": 0.9,
        "thinkingConfig": {"thinkingBudget": 0, "includeThoughts": True},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }
    assert body["labels"] == {"some_team": "a"}
    assert body["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]


def test_googles_own_tools_stand_beside_the_functions() -> None:
    request = translated(
        {
            "model": FLASH_3,
            "tools": [function()],
            "google": {"tools": [{"google_search": {}}]},
        }
    )
    tools = json.loads(request.body)["tools"]
    assert [list(tool) for tool in tools] == [["functionDeclarations"], ["googleSearch"]]
    assert request.wishes.keeps_text


def test_a_field_of_the_request_has_no_place_in_its_config() -> None:
    request = translated({"google": {"generation_config": {"labels": {"a": "b"}}}})
    assert request.dropped == ("google.generation_config.labels",)


def test_a_fault_reaches_openais_caller_with_its_place() -> None:
    with pytest.raises(InvalidParameter) as caught:
        translated({"n": 9})
    status, _, body = encode_refusal(Dialect.OPENAI, refusal_of(caught.value), "r1")
    error = json.loads(body)["error"]
    assert (status, error["param"], error["type"]) == (400, "n", "invalid_request_error")
    assert error["message"] == "n is 9: the most is 8"


def test_an_option_google_does_not_have_is_reported() -> None:
    assert translated({"google": {"thought_tag_marker": "x"}}).dropped == (
        "google.thought_tag_marker",
    )


def test_cached_content_leaves_instruction_and_tools_to_the_cache() -> None:
    request = translated(
        {
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "hi"},
            ],
            "tools": [function()],
            "tool_choice": "required",
            "google": {"cached_content": "cachedContents/1"},
        }
    )
    body = json.loads(request.body)
    assert set(body) == {"contents", "cachedContent"}
    assert len(request.warnings) == 3
    assert request.wishes.keeps_text


def test_what_reasoning_says_beside_effort_is_reported() -> None:
    request = translated({"reasoning": {"effort": "low", "max_tokens": 5, "exclude": True}})
    assert request.dropped == ("reasoning.max_tokens", "reasoning.exclude")


def test_null_counts_as_absent_among_googles_options() -> None:
    assert "generationConfig" not in gemini({"google": {"thinking_config": None}})


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=60))
def test_what_is_reported_fits_into_a_header(names: list[str]) -> None:
    messages = [
        {"role": "user", "content": "hi"},
        *({"role": "tool", "tool_call_id": name, "content": "1"} for name in names),
        {"role": "assistant", "tool_calls": [call(name) for name in sorted({*names, "a"})]},
    ]
    unknown = {f"x{name}": 1 for name in names}
    request = translated({**unknown, "messages": messages}, repairs_history=True)
    for told in (", ".join(request.dropped), "; ".join(request.warnings)):
        assert told.isascii() and (told.isprintable() or not told)
        assert len(told) < 4096
