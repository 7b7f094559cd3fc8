"""Models as OpenAI's SDK reads them."""

from __future__ import annotations

import json

from openai.types import Model as OpenAIModel

from gemstream.wire.dialect.openai import model_body, model_list_body
from gemstream.wire.model import Model


def test_a_list_of_models() -> None:
    models = [Model(name="models/gemini-2.5-flash"), Model(), Model(name="tunedModels/mine")]
    body = json.loads(model_list_body(models))
    assert body["object"] == "list"
    read = [OpenAIModel.model_validate(each, strict=True) for each in body["data"]]
    assert [each.id for each in read] == ["gemini-2.5-flash", "tunedModels/mine"]


def test_one_model() -> None:
    read = OpenAIModel.model_validate_json(model_body(Model(name="models/gemini-2.5-pro")))
    assert (read.id, read.object, read.owned_by) == ("gemini-2.5-pro", "model", "google")
