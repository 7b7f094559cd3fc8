"""Model resources and how a model is named.

Source: https://ai.google.dev/api/models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InvalidRequest
from .codec import Message

__all__ = ("ListModelsResponse", "Model", "model_resource", "vertex_model_resource")

# One known prefix, then one path segment of harmless characters: nothing that could leave the
# path, end it early or smuggle a header.
_RESOURCE = re.compile(
    r"(models|tunedModels|dynamic|publishers/google/models)/[A-Za-z0-9][A-Za-z0-9._@-]{0,127}",
    re.ASCII,
)
_VERTEX_RESOURCE = re.compile(
    r"(?:publishers/google/models|endpoints)/[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", re.ASCII
)


class Model(Message):
    """What the service tells of a model; limits are in tokens."""

    name: str | None = None
    base_model_id: str | None = None
    version: str | None = None
    display_name: str | None = None
    description: str | None = None
    input_token_limit: int | None = None
    output_token_limit: int | None = None
    supported_generation_methods: Sequence[str] = ()
    temperature: float | None = None
    max_temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: bool | None = None


class ListModelsResponse(Message):
    """One page of models."""

    models: Sequence[Model] = ()
    next_page_token: str | None = None


def model_resource(name: str) -> str:
    """Return the resource name of a model: ``models/`` goes before a bare name.

    An explicit prefix (``models/``, ``tunedModels/``, …) is kept. Raises InvalidRequest for a
    name that could not be a path segment.
    """
    if not isinstance(name, str):
        raise InvalidRequest(f"model name {name!r:.80} is not text, as 'gemini-2.5-flash'")
    resource = name if "/" in name else f"models/{name}"
    if not _RESOURCE.fullmatch(resource) or ".." in resource:
        raise InvalidRequest(
            f"model name {name!r} is not valid: use letters, digits and . _ @ - (at most 128), "
            "as in 'gemini-2.5-flash' or 'tunedModels/mine'"
        )
    return resource


def vertex_model_resource(name: str) -> str:
    """Return the resource name of a model on Vertex AI, below a project or in express mode.

    ``x`` and ``models/x`` become ``publishers/google/models/x``; ``endpoints/123`` is kept. Raises
    InvalidRequest for a name that could not be a path segment.
    """
    if not isinstance(name, str):
        raise InvalidRequest(f"model name {name!r:.80} is not text, as 'gemini-2.5-flash'")
    bare = name.removeprefix("models/")
    resource = bare if "/" in bare else f"publishers/google/models/{bare}"
    if not _VERTEX_RESOURCE.fullmatch(resource) or ".." in resource:
        raise InvalidRequest(
            f"model name {name!r} is not valid on Vertex AI: use letters, digits and . _ @ - (at "
            "most 128), as in 'gemini-2.5-flash' or 'endpoints/123'"
        )
    return resource
