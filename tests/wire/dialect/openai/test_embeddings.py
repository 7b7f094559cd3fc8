"""Embeddings: texts there, vectors back in either form."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse

from gemstream.errors import DecodeError, ProtocolError
from gemstream.wire.dialect.openai import (
    EmbeddingsRequest,
    InvalidParameter,
    VectorForm,
    embeddings_body,
    embeddings_request,
)

MODEL = "gemini-embedding-001"
RESOURCE = f"models/{MODEL}"


def asked(body: dict[str, Any], **options: Any) -> EmbeddingsRequest:
    return embeddings_request(json.dumps({"model": MODEL, **body}).encode(), **options)


def texts(request: EmbeddingsRequest) -> list[tuple[str, str, Any]]:
    return [
        (each["model"], each["content"]["parts"][0]["text"], each.get("outputDimensionality"))
        for each in json.loads(request.body)["requests"]
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "a"}, [(RESOURCE, "a", None)]),
        ({"input": ["a", "b"]}, [(RESOURCE, "a", None), (RESOURCE, "b", None)]),
        ({"input": "a", "dimensions": 256}, [(RESOURCE, "a", 256)]),
    ],
)
def test_each_text_is_a_request(body: dict[str, Any], expected: Any) -> None:
    request = asked(body)
    assert texts(request) == expected
    assert (request.count, request.dropped) == (len(expected), ())


def test_an_alias_is_for_the_caller_alone() -> None:
    request = asked({"model": "text-embedding-3-small", "input": "a"}, target=MODEL)
    assert texts(request) == [(RESOURCE, "a", None)]
    assert request.model == "text-embedding-3-small"


REFUSED = [
    ({"input": [1, 2]}, "input", "token numbers"),
    ({"input": [[1, 2]]}, "input", "token numbers"),
    ({"input": ""}, "input", "not empty"),
    ({"input": []}, "input", "is missing"),
    ({}, "input", "is missing"),
    ({"input": ["a", None]}, "input", "must be text"),
    ({"input": {"a": 1}}, "input", "array"),
    ({"input": "a", "dimensions": 0}, "dimensions", "least"),
    ({"input": "a", "encoding_format": "int8"}, "encoding_format", "float"),
    ({"input": "a", "model": None}, "model", "is missing"),
    ({"input": "a", "model": "../x"}, "model", "not valid"),
]


@pytest.mark.parametrize(("body", "param", "said"), REFUSED)
def test_a_fault_is_refused_by_its_place(body: dict[str, Any], param: str, said: str) -> None:
    with pytest.raises(InvalidParameter, match=said) as caught:
        asked(body)
    assert caught.value.param == param


def test_what_has_no_counterpart_is_reported_and_refused_in_strict_mode() -> None:
    assert asked({"input": "a", "user": "u", "truncate": 1}).dropped == ("truncate",)
    with pytest.raises(InvalidParameter, match="no counterpart"):
        asked({"input": "a", "truncate": 1}, is_strict=True)


ANSWER = {"embeddings": [{"values": [0.5, -1]}, {"values": [0.25, 2]}]}


def test_vectors_come_back_as_the_sdk_reads_them() -> None:
    request = asked({"input": ["a", "b"]})
    answer = {**ANSWER, "usageMetadata": {"promptTokenCount": 3}}
    read = CreateEmbeddingResponse.model_validate_json(
        embeddings_body(json.dumps(answer).encode(), request), strict=True
    )
    assert [each.embedding for each in read.data] == [[0.5, -1], [0.25, 2]]
    assert [each.index for each in read.data] == [0, 1]
    assert (read.model, read.usage.prompt_tokens, read.usage.total_tokens) == (MODEL, 3, 3)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_base64_holds_the_same_numbers(values: list[float]) -> None:
    request = asked({"input": "a", "encoding_format": "base64"})
    payload = json.dumps({"embeddings": [{"values": values}]}).encode()
    (entry,) = json.loads(embeddings_body(payload, request))["data"]
    assert request.form is VectorForm.BASE64
    assert list(struct.unpack(f"<{len(values)}f", b64decode(entry["embedding"]))) == values


def test_an_answer_that_cannot_be_used_is_an_error() -> None:
    request = asked({"input": "a"})
    with pytest.raises(ProtocolError, match="2 vectors for 1"):
        embeddings_body(json.dumps(ANSWER).encode(), request)
    with pytest.raises(DecodeError):
        embeddings_body(b"<html>", request)
