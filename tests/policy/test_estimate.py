"""What a request is thought to cost before it is sent, whatever its body is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.estimate import DEFAULT_OUTPUT, PromptSize, estimate, prompt_size
from gemstream.policy.limit.tokens import Tokens

TEXT = {"contents": [{"role": "user", "parts": [{"text": "x" * 400}]}]}
SECOND_OF_SOUND = base64.b64encode(bytes(32_000)).decode()


def cost(body: Any) -> Tokens:
    return estimate(json.dumps(body).encode())


def media(mime_type: str, data: str) -> dict[str, Any]:
    return {"contents": [{"parts": [{"inlineData": {"mimeType": mime_type, "data": data}}]}]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (TEXT, Tokens(100, DEFAULT_OUTPUT)),
        ({}, Tokens(1, DEFAULT_OUTPUT)),
        ({"contents": []}, Tokens(1, DEFAULT_OUTPUT)),
        ({"contents": [{"parts": [{"text": ""}]}]}, Tokens(1, DEFAULT_OUTPUT)),
        ({"contents": [{"parts": [{"text": "x"}]}]}, Tokens(1, DEFAULT_OUTPUT)),
        (TEXT | {"generationConfig": {"maxOutputTokens": 7}}, Tokens(100, 7)),
        (TEXT | {"generationConfig": {"maxOutputTokens": 0}}, Tokens(100, 0)),
        (
            TEXT | {"generationConfig": {"maxOutputTokens": 7, "candidateCount": 3}},
            Tokens(100, 21),
        ),
        (TEXT | {"generationConfig": {"candidateCount": None}}, Tokens(100, DEFAULT_OUTPUT)),
        (TEXT | {"systemInstruction": TEXT["contents"][0]}, Tokens(200, DEFAULT_OUTPUT)),
        (media("image/png", "A" * 100_000), Tokens(258, DEFAULT_OUTPUT)),
        (media("audio/wav", SECOND_OF_SOUND), Tokens(32, DEFAULT_OUTPUT)),
        (media("audio/wav", ""), Tokens(1, DEFAULT_OUTPUT)),
        (media("video/mp4", "A" * 634 * 263), Tokens(263, DEFAULT_OUTPUT)),
        (
            {"contents": [{"parts": [{"fileData": {"fileUri": "https://example.com/a"}}]}]},
            Tokens(258, DEFAULT_OUTPUT),
        ),
        ({"content": TEXT["contents"][0]}, Tokens(100, 0)),
        ({"requests": [{"content": TEXT["contents"][0]}] * 3}, Tokens(300, 0)),
    ],
)
def test_a_body_is_judged_by_what_it_says(body: Any, expected: Tokens) -> None:
    assert cost(body) == expected
    assert cost(body).total == expected.input + expected.output


def test_a_field_counts_in_either_spelling() -> None:
    blob = {"mime_type": "image/png", "data": "A"}
    snake = {
        "system_instruction": TEXT["contents"][0],
        "contents": [{"parts": [{"inline_data": blob}]}],
    }
    assert cost(snake) == Tokens(358, DEFAULT_OUTPUT)


def test_the_least_is_of_text_and_counts_characters_not_bytes() -> None:
    text = "\n" * 320 + "ü" * 320  # 640 and more bytes each in JSON
    body = {"contents": [{"parts": [{"text": text}, {"inlineData": {"data": "A" * 4000}}]}]}
    size = prompt_size(json.dumps(body).encode())
    assert size.least == 20
    assert size.likely >= 258 + 320
    assert prompt_size(b"{") == PromptSize(1, 0)


def test_tools_and_functions_cost_their_json() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": "x" * 400}}}
    tools = [{"functionDeclarations": [{"name": "f", "description": "x" * 400}]}]
    assert cost({"contents": [{"parts": [call]}]}).input > 100
    assert cost(TEXT | {"tools": tools}).input > 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"contents": "a string"}',
        b'{"contents": [{"parts": {"text": "no list"}}]}',
        b'{"generationConfig": {"maxOutputTokens": "7"}}',
        b"[" * 5000,
    ],
)
def test_a_body_of_an_unknown_form_is_measured_whole(body: bytes) -> None:
    assert estimate(body) == Tokens(max(1, -(-len(body) // 4)), DEFAULT_OUTPUT)


@pytest.mark.parametrize("amount", [-5, -(10**9)])
@pytest.mark.parametrize("name", ["maxOutputTokens", "candidateCount"])
def test_a_number_below_nothing_gives_nothing_back(name: str, amount: int) -> None:
    answer = cost(TEXT | {"generationConfig": {name: amount}})
    assert answer.output >= 0


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    (
                        "contents",
                        "parts",
                        "text",
                        "inlineData",
                        "tools",
                        "generationConfig",
                        "candidateCount",
                        "maxOutputTokens",
                        "requests",
                        "content",
                        "instances",
                    )
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).map(lambda body: json.dumps(body).encode())
)
def test_whatever_the_body_there_is_an_estimate(body: bytes) -> None:
    answer = estimate(body)
    assert answer.input >= 1
    assert answer.output >= 0
    assert prompt_size(body).least <= answer.input == prompt_size(body).likely
