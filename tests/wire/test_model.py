"""How a model is named."""

from __future__ import annotations

import pytest

from gemstream.errors import InvalidRequest
from gemstream.wire.model import model_resource, vertex_model_resource


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("dynamic/x", "dynamic/x"),
        ("publishers/google/models/gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro"),
        ("gemma-4-31b-it", "models/gemma-4-31b-it"),
        ("my_model@001", "models/my_model@001"),
        ("models", "models/models"),
        ("x" * 128, "models/" + "x" * 128),
    ],
)
def test_a_bare_name_is_a_model_and_a_prefix_is_kept(name: str, resource: str) -> None:
    assert model_resource(name) == resource
    assert model_resource(resource) == resource


BAD_NAMES = [
    "",
    " ",
    ".",
    "..",
    "a..b",
    "models/",
    "models/..",
    "../models/x",
    "models/../x",
    "/x",
    "x/",
    "models//x",
    "models/models/x",
    "files/x",
    "a/b",
    "x?key=1",
    "x#y",
    "x%2fy",
    "%2e%2e",
    "x y",
    "x\n",
    "x\r\nHost: evil",
    "x\0",
    "x\x7f",
    "x\\y",
    "modèle",
    "\uff47emini",
    "\u0663",
    "-x",
    ".x",
    "x:generateContent",
    "x" * 129,
    "models/" + "x" * 129,
    "Models/x",
    "publishers/evil/models/x",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_path_segment_is_refused_and_shown(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is not valid: use letters, digits") as caught:
        model_resource(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash"),
        ("publishers/google/models/x", "publishers/google/models/x"),
        ("endpoints/123", "endpoints/123"),
        ("endpoints", "publishers/google/models/endpoints"),
    ],
)
def test_a_name_on_vertex_is_a_publisher_model_or_an_endpoint(name: str, resource: str) -> None:
    assert vertex_model_resource(name) == resource
    assert vertex_model_resource(resource) == resource


_PREFIXED = ["tunedModels/mine", "dynamic/x", "endpoints/1/2", "projects/p/locations/l/endpoints/1"]


@pytest.mark.parametrize("name", [*BAD_NAMES, *_PREFIXED])
def test_a_name_that_vertex_cannot_have_is_refused_and_shown(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is not valid on Vertex AI") as caught:
        vertex_model_resource(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", [None, 7, b"x"])
def test_a_name_is_text(name: object) -> None:
    with pytest.raises(InvalidRequest, match="is not text"):
        vertex_model_resource(name)  # type: ignore[arg-type]
