"""What a request is thought to cost before it is sent, whatever its body is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.limit.estimate import DEFAULT_OUTPUT, estimate

TEXT = {"contents": [{"role": "user", "parts": [{"text": "x" * 400}]}]}
SECOND_OF_SOUND = base64.b64encode(bytes(32_000)).decode()


def cost(body: Any) -> tuple[int, int]:
    return measured(json.dumps(body).encode())


def measured(body: bytes) -> tuple[int, int]:
    tokens = estimate(body)
    assert tokens.total == tokens.input + tokens.output
    return tokens.input, tokens.output


def media(mime_type: str, data: str) -> dict[str, Any]:
    return {"contents": [{"parts": [{"inlineData": {"mimeType": mime_type, "data": data}}]}]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (TEXT, (100, DEFAULT_OUTPUT)),
        ({}, (1, DEFAULT_OUTPUT)),
        ({"contents": []}, (1, DEFAULT_OUTPUT)),
        ({"contents": [{"parts": [{"text": ""}]}]}, (1, DEFAULT_OUTPUT)),
        ({"contents": [{"parts": [{"text": "x"}]}]}, (1, DEFAULT_OUTPUT)),
        (TEXT | {"generationConfig": {"maxOutputTokens": 7}}, (100, 7)),
        (TEXT | {"generationConfig": {"maxOutputTokens": 0}}, (100, 0)),
        (
            TEXT | {"generationConfig": {"maxOutputTokens": 7, "candidateCount": 3}},
            (100, 21),
        ),
        (TEXT | {"generationConfig": {"candidateCount": None}}, (100, DEFAULT_OUTPUT)),
        (TEXT | {"systemInstruction": TEXT["contents"][0]}, (200, DEFAULT_OUTPUT)),
        (media("image/png", "A" * 100_000), (258, DEFAULT_OUTPUT)),
        (media("audio/wav", SECOND_OF_SOUND), (32, DEFAULT_OUTPUT)),
        (media("audio/wav", ""), (1, DEFAULT_OUTPUT)),
        (media("video/mp4", "A" * 634 * 263), (263, DEFAULT_OUTPUT)),
        (
            {"contents": [{"parts": [{"fileData": {"fileUri": "https://example.com/a"}}]}]},
            (258, DEFAULT_OUTPUT),
        ),
        ({"content": TEXT["contents"][0]}, (100, 0)),
        ({"requests": [{"content": TEXT["contents"][0]}] * 3}, (300, 0)),
    ],
)
def test_a_body_is_judged_by_what_it_says(body: Any, expected: tuple[int, int]) -> None:
    assert cost(body) == expected


def test_tools_and_functions_cost_their_json() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": "x" * 400}}}
    tools = [{"functionDeclarations": [{"name": "f", "description": "x" * 400}]}]
    assert cost({"contents": [{"parts": [call]}]})[0] > 100
    assert cost(TEXT | {"tools": tools})[0] > 200


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
    assert measured(body) == (max(1, -(-len(body) // 4)), DEFAULT_OUTPUT)


@pytest.mark.parametrize("amount", [-5, -(10**9)])
@pytest.mark.parametrize("name", ["maxOutputTokens", "candidateCount"])
def test_a_number_below_nothing_gives_nothing_back(name: str, amount: int) -> None:
    assert cost(TEXT | {"generationConfig": {name: amount}})[1] >= 0


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
    read, written = measured(body)
    assert read >= 1
    assert written >= 0
