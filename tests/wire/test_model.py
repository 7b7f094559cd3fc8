"""How a model is named."""

from __future__ import annotations

import pytest

from gemstream.errors import InvalidRequest
from gemstream.wire.model import model_resource


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


@pytest.mark.parametrize(
    "name",
    [
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
    ],
)
def test_a_name_that_is_no_path_segment_is_refused_and_shown(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is not valid: use letters, digits") as caught:
        model_resource(name)
    assert repr(name) in str(caught.value)
