"""Gemini's models as OpenAI lists them.

Source: https://platform.openai.com/docs/api-reference/models.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...codec import JSONObject, encode
from ...model import Model

__all__ = ("model_body", "model_list_body")

_OWNER = "google"
_CREATED = 0  # the service does not say when a model was made, and SDKs want a number


def model_list_body(models: Iterable[Model]) -> bytes:
    """Return the answer of ``GET /v1/models``; models without a name are left out."""
    data = [_plain(model) for model in models if model.name]
    return encode({"object": "list", "data": data})


def model_body(model: Model) -> bytes:
    """Return the answer of ``GET /v1/models/{id}``."""
    return encode(_plain(model))


def _plain(model: Model) -> JSONObject:
    id = (model.name or "").removeprefix("models/")
    return {"id": id, "object": "model", "created": _CREATED, "owned_by": _OWNER}
