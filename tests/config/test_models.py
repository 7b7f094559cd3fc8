"""The bundled list of models."""

from __future__ import annotations

import pytest

from gemstream.config.models import bundled_models
from gemstream.wire.model import model_resource

CATALOG = bundled_models()


def test_the_defaults_are_models_of_the_list() -> None:
    assert CATALOG.default == "gemini-2.5-flash"
    default, embedding = CATALOG.find(CATALOG.default), CATALOG.find(CATALOG.default_embedding)
    assert default is not None and "generateContent" in default.methods
    assert embedding is not None and "embedContent" in embedding.methods


@pytest.mark.parametrize("model", CATALOG.models, ids=lambda model: model.name)
def test_a_listed_model_has_a_valid_name_methods_and_limits(model: object) -> None:
    assert model_resource(model.name) == f"models/{model.name}"  # type: ignore[attr-defined]
    assert model.methods and model.display_name  # type: ignore[attr-defined]
    assert model.input_token_limit > 0 and model.output_token_limit > 0  # type: ignore[attr-defined]


def test_no_model_is_listed_twice() -> None:
    names = [model.name for model in CATALOG.models]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("gemini-2.5-pro", True),
        ("models/gemini-2.5-pro", True),
        ("publishers/google/models/gemini-2.5-pro", True),
        ("tunedModels/gemini-2.5-pro", False),
        ("Gemini-2.5-Pro", False),
        ("gemini-2.5-pro ", False),
        ("", False),
    ],
)
def test_a_model_is_found_bare_or_by_its_resource_name(name: str, found: bool) -> None:
    assert (CATALOG.find(name) is not None) is found


def test_the_list_is_read_once() -> None:
    assert bundled_models() is CATALOG
