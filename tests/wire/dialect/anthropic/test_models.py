"""The list of models in Anthropic's format."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from anthropic.types import ModelInfo

from gemstream.errors import InvalidRequest
from gemstream.wire.dialect.anthropic.models import model_body, model_list_body
from gemstream.wire.model import Model

MODELS = [
    Model(
        name=f"models/m{n}",
        display_name=f"M {n}",
        supported_generation_methods=("generateContent",),
    )
    for n in range(5)
]
EMBEDDING = Model(name="models/e", supported_generation_methods=("embedContent",))


def page(**query: str) -> dict[str, Any]:
    """The page that ``query`` asks for; all of its models are the SDK's."""
    plain = msgspec.json.decode(model_list_body([EMBEDDING, *MODELS], query))
    for info in plain["data"]:
        ModelInfo.model_validate(info)
    return dict(plain)


def test_one_model() -> None:
    model = Model(
        name="models/gemini-2.5-flash", input_token_limit=1_048_576, output_token_limit=65_536
    )
    plain = msgspec.json.decode(model_body(model))
    info = ModelInfo.model_validate(plain)
    assert (info.id, info.display_name) == ("gemini-2.5-flash", "gemini-2.5-flash")
    assert (info.max_input_tokens, info.max_tokens) == (1_048_576, 65_536)


def test_models_that_only_embed_are_not_listed() -> None:
    assert [info["id"] for info in page()["data"]] == ["m0", "m1", "m2", "m3", "m4"]


@pytest.mark.parametrize(
    ("query", "ids", "has_more"),
    [
        ({"limit": "2"}, ["m0", "m1"], True),
        ({"limit": "2", "after_id": "m1"}, ["m2", "m3"], True),
        ({"limit": "2", "after_id": "m2"}, ["m3", "m4"], False),
        ({"after_id": "m4"}, [], False),
        ({"limit": "2", "before_id": "m4"}, ["m2", "m3"], True),
        ({"limit": "2", "before_id": "m2"}, ["m0", "m1"], False),
        ({"limit": "1000"}, ["m0", "m1", "m2", "m3", "m4"], False),
    ],
)
def test_a_page(query: dict[str, str], ids: list[str], has_more: bool) -> None:
    found = page(**query)
    assert [info["id"] for info in found["data"]] == ids
    assert found["has_more"] is has_more
    assert found["first_id"] == (ids[0] if ids else None)
    assert found["last_id"] == (ids[-1] if ids else None)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"limit": "0"}, "limit: '0'"),
        ({"limit": "1001"}, "limit: '1001'"),
        ({"limit": "100000"}, "limit: '100000'"),
        ({"limit": "+5"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"after_id": "x"}, "after_id: no model 'x'"),
        ({"before_id": "x"}, "before_id: no model 'x'"),
    ],
)
def test_a_page_that_cannot_be(query: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        page(**query)
