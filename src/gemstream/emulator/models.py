"""The models the emulator pretends to have, and what each can be asked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from ..config.models import KnownModel, bundled_models
from ..errors import APIError
from ..wire.codec import JSONObject, Message
from ..wire.endpoint import Operation, Route
from ..wire.model import ListModelsResponse, Model
from .number import whole_number
from .refusal import bad_page_token, retired_model, unknown_model, unknown_publisher_model

__all__ = (
    "RETIRED",
    "find_model",
    "list_models",
    "model_for",
    "model_resource_of",
    "publisher_model_of",
)

# Models the service has switched off, with the one it names instead.
RETIRED: Mapping[str, str] = {
    "gemini-1.0-pro": "models/gemini-2.5-flash",
    "gemini-1.5-flash": "models/gemini-2.5-flash",
    "gemini-1.5-pro": "models/gemini-2.5-pro",
    "gemini-pro": "models/gemini-2.5-pro",
}

# The method of the model's list that each operation needs.
_NEEDED: Mapping[Operation, str] = {
    Operation.GENERATE: "generateContent",
    Operation.STREAM: "generateContent",
    Operation.COUNT_TOKENS: "countTokens",
    Operation.EMBED: "embedContent",
    Operation.BATCH_EMBED: "embedContent",
    Operation.PREDICT: "embedContent",  # of embeddings; images are not made
}
_DEFAULT_PAGE, _LARGEST_PAGE = 50, 1000


def model_for(route: Route) -> KnownModel:
    """Return the model of a path that answers its operation; raises NotFound."""
    known = find_model(route)
    if _NEEDED[route.operation] not in known.methods:
        raise _unknown(route, route.operation.value)
    return known


def find_model(route: Route) -> KnownModel:
    """Return the model of a path whatever it can; raises NotFound.

    Any endpoint of Vertex is taken for one of the default model.
    """
    resource = route.model or ""
    if resource.startswith("endpoints/"):
        resource = bundled_models().default
    name = resource.removeprefix("models/")
    if name in RETIRED:
        raise retired_model(resource, RETIRED[name])
    known = bundled_models().find(resource)
    if known is None or not _is_served(known, route.version):
        raise _unknown(route, _asked_method(route.operation))
    return known


def _unknown(route: Route, method: str) -> APIError:
    resource = route.model or ""
    if not route.is_vertex:
        return unknown_model(resource, route.version, method)
    return unknown_publisher_model(
        f"{route.parent}/{resource}" if route.project is not None else resource
    )


def list_models(route: Route, page_size: int | None, page_token: str | None) -> Message:
    """Return one page of the models; raises InvalidArgument for a token that is not one."""
    models = [known for known in bundled_models().models if _is_served(known, route.version)]
    start = _decode_token(page_token) if page_token else 0
    if start > len(models):
        raise bad_page_token()
    end = start + min(page_size or _DEFAULT_PAGE, _LARGEST_PAGE)
    following = _encode_token(end) if end < len(models) else None
    if route.is_vertex:
        page = [publisher_model_of(known) for known in models[start:end]]
        token = {"nextPageToken": following} if following else {}
        return Message(extra={"publisherModels": page, **token})
    return ListModelsResponse(
        models=[model_resource_of(known) for known in models[start:end]],
        next_page_token=following,
    )


def publisher_model_of(known: KnownModel) -> JSONObject:
    """Return the resource as Vertex tells it."""
    return {
        "name": f"publishers/google/models/{known.name}",
        "versionId": "default",
        "launchStage": "GA",
        "displayName": known.display_name,
    }


def model_resource_of(known: KnownModel) -> Model:
    """Return the resource as models.get answers it."""
    samples = "generateContent" in known.methods
    return Model(
        name=f"models/{known.name}",
        version=known.version,
        display_name=known.display_name,
        description=f"{known.display_name}, as the emulator plays it",
        input_token_limit=known.input_token_limit,
        output_token_limit=known.output_token_limit,
        supported_generation_methods=known.methods,
        temperature=1.0 if samples else None,
        top_p=0.95 if samples else None,
        top_k=64 if samples else None,
        max_temperature=2.0 if samples else None,
        thinking=known.thinking or None,
    )


def _is_served(known: KnownModel, version: str) -> bool:
    return version == "v1beta" or not known.name.endswith("-latest")  # aliases live on v1beta only


def _asked_method(operation: Operation) -> str:
    return _NEEDED[Operation.GENERATE] if operation is Operation.GET_MODEL else operation.value


def _encode_token(start: int) -> str:
    return base64.urlsafe_b64encode(f"models:{start}".encode()).decode()


def _decode_token(token: str) -> int:
    try:
        kind, _, start = base64.urlsafe_b64decode(token).decode().partition(":")
    except (binascii.Error, ValueError):
        raise bad_page_token() from None
    number = whole_number(start)
    if kind != "models" or number is None:
        raise bad_page_token()
    return number
