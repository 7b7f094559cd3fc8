"""Gemini's JSON as the conventions' messages, part by part."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.telemetry.messages import request_messages, response_messages

# One part → what the conventions call it.
PARTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"text": "Hi"}, {"type": "text", "content": "Hi"}),
    ({"text": ""}, {"type": "text", "content": ""}),
    (
        {"text": "So …", "thought": True, "thoughtSignature": "c2ln"},
        {"type": "reasoning", "content": "So …"},
    ),
    (
        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
        {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "iVBO"},
    ),
    (
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://a/b"}},
        {"type": "uri", "mime_type": "video/mp4", "modality": "video", "uri": "gs://a/b"},
    ),
    (
        {"functionCall": {"id": "1", "name": "find", "args": {"a": 1}}},
        {"type": "tool_call", "id": "1", "name": "find", "arguments": {"a": 1}},
    ),
    (
        {"functionCall": {"name": "find"}, "thoughtSignature": "c2ln"},
        {"type": "tool_call", "id": None, "name": "find", "arguments": None},
    ),
    (
        {"functionResponse": {"name": "find", "response": {"b": 2}}},
        {"type": "tool_call_response", "id": None, "response": {"b": 2}},
    ),
    (
        {"executableCode": {"language": "PYTHON", "code": "1+1"}},
        {
            "type": "server_tool_call",
            "id": None,
            "name": "code_execution",
            "server_tool_call": {"type": "code_execution", "code": "1+1", "language": "PYTHON"},
        },
    ),
    (
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
        {
            "type": "server_tool_call_response",
            "id": None,
            "server_tool_call_response": {
                "type": "code_execution",
                "outcome": "OUTCOME_OK",
                "output": "2",
            },
        },
    ),
    ({"newKind": {"a": 1}}, {"type": "newKind", "content": {"a": 1}}),
    ({"thoughtSignature": "c2ln"}, {"type": "empty", "content": None}),
]


@pytest.mark.parametrize(("part", "told"), PARTS)
def test_a_part_keeps_its_meaning(part: dict[str, Any], told: dict[str, Any]) -> None:
    body = {"contents": [{"role": "user", "parts": [part]}]}
    assert request_messages(body) == {"gen_ai.input.messages": [{"role": "user", "parts": [told]}]}


ROLES = [(None, "user"), ("user", "user"), ("model", "assistant"), ("function", "tool")]


@pytest.mark.parametrize(("role", "told"), ROLES)
def test_roles_have_the_names_of_the_conventions(role: str | None, told: str) -> None:
    body = {"contents": {"role": role, "parts": {"text": "Hi"}}}
    (message,) = request_messages(body)["gen_ai.input.messages"]
    assert message == {"role": told, "parts": [{"type": "text", "content": "Hi"}]}


def test_instructions_and_tools_stand_apart() -> None:
    function = {"name": "find", "description": "Finds.", "parameters": {"type": "OBJECT"}}
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [
            {"functionDeclarations": [function, {"name": "go"}]},
            {"googleSearch": {}},
        ],
    }
    assert request_messages(body) == {
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        "gen_ai.tool.definitions": [
            {"type": "function", **function},
            {"type": "function", "name": "go", "description": None, "parameters": None},
            {"type": "googleSearch", "name": "googleSearch"},
        ],
    }


def test_a_request_to_count_says_what_is_counted() -> None:
    request = {"contents": [{"parts": [{"text": "Hi"}]}]}
    counted = request_messages({"generateContentRequest": request})
    assert counted == request_messages(request) != {}


# Gemini's reason → the conventions'.
REASONS = [
    ("STOP", "stop"),
    ("MAX_TOKENS", "length"),
    ("SAFETY", "content_filter"),
    ("MALFORMED_FUNCTION_CALL", "error"),
    ("LANGUAGE", "LANGUAGE"),
    (None, "error"),
]


@pytest.mark.parametrize(("reason", "told"), REASONS)
def test_every_candidate_is_a_message_with_its_reason(reason: str | None, told: str) -> None:
    answer = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": reason}]}
    assert response_messages(answer) == {
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": "Hi"}],
                "finish_reason": told,
            }
        ]
    }


@pytest.mark.parametrize("body", [None, [], "x", {}, {"contents": None}, {"contents": ["x", 1]}])
def test_other_json_says_nothing(body: Any) -> None:
    assert request_messages(body) == response_messages(body) == {}


def test_a_blocked_candidate_has_no_parts() -> None:
    (message,) = response_messages({"candidates": [{"finishReason": "SAFETY"}]})[
        "gen_ai.output.messages"
    ]
    assert message == {"role": "assistant", "parts": [], "finish_reason": "content_filter"}
