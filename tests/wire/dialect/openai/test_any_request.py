"""Whatever a caller sends, the answer is a request Gemini knows, or a refusal with a place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.emulator.request_check import check_request
from gemstream.wire.codec import decode, strangers
from gemstream.wire.dialect.gemini_reader import GeminiReader
from gemstream.wire.dialect.model_traits import traits_of
from gemstream.wire.dialect.openai import (
    ChatCompletion,
    ChatOptions,
    ChatWishes,
    InvalidParameter,
    chat_request,
    embeddings_request,
)
from gemstream.wire.endpoint import match
from gemstream.wire.request import GenerateContentRequest
from support.chats import FLASH_2_0, FLASH_2_5, FLASH_3, call, function, gemini, result, translated

PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
FULL: dict[str, Any] = {
    "model": FLASH_3,
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, PNG], "name": "n"},
        {
            "role": "assistant",
            "content": "b",
            "tool_calls": [
                call("c1", extra_content={"google": {"thought_signature": "U0lH"}}),
                {"id": "c2", "type": "custom", "custom": {"name": "sh", "input": "ls"}},
            ],
            "images": [PNG],
            "extra_content": {"google": {"parts": [{"toolCall": {"id": "1"}}]}},
            "provider_specific_fields": {"thought_signatures": ["U0lH"]},
            "thinking_blocks": [{"signature": "U0lH"}],
        },
        result("c1", [{"type": "text", "text": "1"}, PNG]),
        result("c2"),
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        {
            "role": "user",
            "content": [
                {
                    "type": "input_audio",
                    "input_audio": {"data": "UklGRgAAAABXQVZF", "format": "wav"},
                },
            ],
        },
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "files/a"}}]},
    ],
    "tools": [
        function("f", strict=True, description="D"),
        {"type": "custom", "custom": {"name": "sh"}},
        {"type": "google_search"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "auto",
            "tools": [{"type": "function", "function": {"name": "f"}}],
        },
    },
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "A", "schema": {"type": "object", "properties": {"a": {}}}},
    },
    "reasoning": {"effort": "low", "summary": "auto"},
    "stop": ["a"],
    "seed": 1,
    "n": 2,
    "logprobs": True,
    "top_logprobs": 1,
    "modalities": ["text", "audio"],
    "audio": {"voice": "Kore", "format": "pcm16"},
    "service_tier": "flex",
    "stream": True,
    "stream_options": {"include_usage": True},
    "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    "google": {"media_resolution": "MEDIA_RESOLUTION_LOW"},
}  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path] + [place for key, each in inner for place in _places(each, (*path, key))]


def _with(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    changed = copy.deepcopy(value)
    target = changed
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = other
    return changed


PLACES = [place for place in _places(FULL) if place]
OTHERS: list[Any] = [
    None, True, 0, -1, 2.5, 10**30, "", "x", "data:;base64,", "gt1.AAAA", "https://x/y", [], [[]],
    ["x"], [None], {}, {"": {}}, {"type": "x"}, {"type": "text"}, {"google": 5}, {"$ref": "#/a"},
]  # fmt: skip


@pytest.mark.parametrize("model", [FLASH_3, FLASH_2_5, FLASH_2_0])
def test_a_full_request_says_nothing_that_gemini_does_not_know(model: str) -> None:
    request = translated({**FULL, "model": model})
    message = decode(request.body, GenerateContentRequest)
    assert list(strangers(message)) == []
    route = match("POST", f"/v1beta/models/{model}:generateContent")
    assert route is not None
    check_request(message, route)  # the emulator's own judgement
    assert set(request.dropped) <= {"messages.name", "reasoning_effort"}


@settings(max_examples=300)
@given(st.sampled_from(PLACES), st.sampled_from(OTHERS), st.sampled_from([FLASH_3, FLASH_2_0]))
def test_a_request_with_anything_anywhere_is_translated_or_refused(
    place: tuple[Any, ...], other: Any, model: str
) -> None:
    body = _with(FULL, place, other)
    options = ChatOptions(model=model, traits=traits_of(model))
    try:
        request = chat_request(json.dumps(body).encode(), options=options)
    except InvalidParameter as refused:
        assert refused.param
        return
    json.loads(request.body)


@given(
    st.sampled_from(OTHERS), st.sampled_from(["input", "model", "dimensions", "encoding_format"])
)
def test_embeddings_of_anything_are_translated_or_refused(other: Any, name: str) -> None:
    body = {"model": "gemini-embedding-001", "input": "a", name: other}
    try:
        embeddings_request(json.dumps(body).encode())
    except InvalidParameter as refused:
        assert refused.param


IMAGE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
ANSWERS: list[list[Any]] = [
    [{"text": "a"}],
    [{"text": "a", "thoughtSignature": "T"}],
    [{"functionCall": {"id": "u1", "name": "f", "args": {"n": 1.0}}, "thoughtSignature": "S"}],
    [
        {"text": "a"},
        {"functionCall": {"id": "u1", "name": "f", "args": {}}, "thoughtSignature": "S"},
        {"functionCall": {"id": "u2", "name": "g", "args": {"s": "\u00e9"}}},
    ],
    [{"text": "a", "thoughtSignature": "T"}, {**IMAGE, "thoughtSignature": "I"}, IMAGE],
    [
        {"toolCall": {"id": "t"}, "thoughtSignature": "V"},
        {"toolResponse": {"id": "t"}},
        {"text": "a"},
    ],
]


@pytest.mark.parametrize("parts", ANSWERS)
def test_what_the_model_said_comes_back_as_it_was(parts: list[Any]) -> None:
    answer = {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]
    }
    whole = ChatCompletion(ChatWishes(), id="chatcmpl-1", created=0, model="m")
    whole.receive(GeminiReader("application/json").receive_whole(json.dumps(answer).encode()))
    message = json.loads(whole.body())["choices"][0]["message"]
    results = [result(entry["id"]) for entry in message.get("tool_calls", ())]
    messages = [{"role": "user", "content": "go"}, message, *results]
    found = gemini({"model": FLASH_3, "messages": messages})["contents"]
    assert found[1] == {"role": "model", "parts": parts}
