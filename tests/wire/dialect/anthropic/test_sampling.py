"""Sampling, thinking and format of Anthropic's → Gemini's generationConfig."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.errors import InvalidRequest
from support.anthropic_requests import GEMINI_2, GEMINI_3, asked, sent

PRO = "gemini-2.5-pro"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
JSON = {"type": "json_schema", "schema": SCHEMA}
F = {"name": "f", "input_schema": {"type": "object"}}


def config(model: str = GEMINI_2, **fields: Any) -> dict[str, Any]:
    """The generationConfig without the tokens that every request must name."""
    found = sent(model, **fields)["generationConfig"]
    assert found.pop("maxOutputTokens")
    return dict(found)


def thinking(model: str, **fields: Any) -> Any:
    """The thinkingConfig."""
    return config(model, **fields).get("thinkingConfig")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"temperature": None}, {}),
        ({"top_p": 0.9, "top_k": 40}, {"topP": 0.9, "topK": 40}),
        ({"stop_sequences": ["a", "", "b"]}, {"stopSequences": ["a", "b"]}),
        ({"stop_sequences": []}, {}),
    ],
)
def test_sampling_becomes(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config(**fields) == expected


def test_max_tokens_is_the_most_of_output() -> None:
    assert sent(max_tokens=7)["generationConfig"] == {"maxOutputTokens": 7}


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (PRO, {}, None),
        (
            PRO,
            {"thinking": {"type": "enabled", "budget_tokens": 1500}},
            {"includeThoughts": True, "thinkingBudget": 1500},
        ),
        (
            GEMINI_3,
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            {"includeThoughts": True, "thinkingLevel": "LOW"},
        ),
        (
            GEMINI_3,
            {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}},
            {"includeThoughts": False, "thinkingLevel": "MEDIUM"},
        ),
        (PRO, {"thinking": {"type": "adaptive"}}, {"includeThoughts": True}),
        (
            PRO,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            {"includeThoughts": True, "thinkingBudget": 32768},
        ),
        (
            GEMINI_3,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
            {"includeThoughts": True, "thinkingLevel": "MEDIUM"},
        ),
        (GEMINI_3, {"output_config": {"effort": "xhigh"}}, {"thinkingLevel": "HIGH"}),
        (GEMINI_2, {"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}),
        (PRO, {"thinking": {"type": "disabled"}}, {"thinkingBudget": 128}),
        (GEMINI_3, {"thinking": {"type": "disabled"}}, {"thinkingLevel": "MINIMAL"}),
        (PRO, {"thinking": {"type": "between_tools"}}, {"includeThoughts": True}),
    ],
)
def test_thinking_becomes(model: str, fields: dict[str, Any], expected: Any) -> None:
    assert thinking(model, **fields) == expected


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    fields: dict[str, Any] = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    request = asked("gemini-2.0-flash", **fields)
    assert b"thinkingConfig" not in request.body
    assert request.dropped == ("thinking", "output_config.effort")
    assert asked("gemini-2.0-flash", thinking={"type": "disabled"}).dropped == ()


def test_omitted_thoughts_are_a_wish_to_the_encoder() -> None:
    omitted = {"type": "adaptive", "display": "omitted"}
    assert not asked(PRO, thinking=omitted).wishes.shows_thoughts
    assert asked(PRO, thinking={"type": "adaptive"}).wishes.shows_thoughts


@pytest.mark.parametrize("fields", [{"output_config": {"format": JSON}}, {"output_format": JSON}])
def test_a_format_becomes_a_schema(fields: dict[str, Any]) -> None:
    shape = {"type": "string", "description": "(minLength 2)"}
    assert config(**fields) == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "properties": {"a": shape}},
    }
    older = config("gemini-2.0-flash", **fields)
    assert older["responseSchema"]["properties"] == {"a": {"type": "STRING", "minLength": 2}}


def test_what_a_format_says_more_is_named() -> None:
    format = {**JSON, "name": "n"}
    assert asked(output_config={"format": format}).dropped == ("output_config.format.name",)


def test_a_format_beside_tools_is_said_in_words_before_gemini_3() -> None:
    fields: dict[str, Any] = {
        "output_config": {"format": JSON},
        "tools": [F],
        "system": "S",
    }
    request, body = asked(**fields), sent(**fields)
    assert "responseMimeType" not in body["generationConfig"]
    first, second = body["systemInstruction"]["parts"]
    assert first == {"text": "S"}
    assert '"minLength":2' in second["text"]
    assert request.warnings == (
        "gemini-2.5-flash takes no output format beside tools: it is in the system instruction",
    )
    assert "responseJsonSchema" in config(GEMINI_3, **fields)


def test_a_low_temperature_is_passed_on_to_gemini_3_with_a_warning() -> None:
    request = asked(GEMINI_3, temperature=0.2)
    assert b'"temperature":0.2' in request.body
    assert request.warnings == ("temperature below 1.0 may make gemini-3-flash loop",)
    assert asked(GEMINI_2, temperature=0.2).warnings == ()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"max_tokens": None}, "max_tokens: field required"),
        ({"max_tokens": 0}, "max_tokens: is 0: the least is 1"),
        ({"max_tokens": True}, "max_tokens: must be a whole number"),
        ({"max_tokens": "9"}, "max_tokens: must be a whole number"),
        ({"temperature": 1.5}, "temperature: is 1.5: it must be from 0 to 1"),
        ({"top_p": -1}, "top_p: is -1"),
        ({"top_k": 1.5}, "top_k: must be a whole number"),
        ({"stop_sequences": list("abcdef")}, "stop_sequences: has 6 of them"),
        ({"stop_sequences": [1]}, r"stop_sequences\.0: must be text"),
        ({"thinking": {"type": "enabled"}}, r"thinking\.budget_tokens: field required"),
        ({"thinking": {"budget_tokens": 1024}}, r"thinking\.type: field required"),
        ({"thinking": {"type": "on"}}, r"thinking\.type: is 'on'"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 10}},
            r"thinking\.budget_tokens: is 10: the least is 1024",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            r"thinking\.budget_tokens: is 2048: it must be less than max_tokens, 2048",
        ),
        ({"thinking": {"type": "adaptive", "display": "x"}}, r"thinking\.display: is 'x'"),
        ({"output_config": {"effort": "hgih"}}, r"output_config\.effort: .*did you mean 'high'"),
        ({"output_config": {"format": {}}}, r"output_config\.format\.type: field required"),
        (
            {"output_config": {"format": {"type": "json_schema"}}},
            r"output_config\.format\.schema: field required",
        ),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"$ref": "http://x"}}}},
            r"output_config\.format\.schema: ",
        ),
    ],
)
def test_what_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        sent(**fields)
