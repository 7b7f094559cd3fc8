"""Models, as each dialect lists them: those of an account, as far as the key may use them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import msgspec

from ...wire.codec import decode
from ...wire.dialect.anthropic import models as anthropic_models
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.openai import models as openai_models
from ...wire.endpoint import Operation
from ...wire.model import ListModelsResponse, Model
from ..answers.gemini import SameWhole
from ..answers.mapped import MappedWhole
from ..call import Call
from .request import Request

__all__ = ("get_model_call", "list_models_call")

_PAGING = ("pageSize", "pageToken")
# More than there are: in the other dialects a list is one page.
_ALL = "1000"


class _Page(msgspec.Struct):
    """A page of Gemini's with every model as it came."""

    models: list[msgspec.Raw] = []
    nextPageToken: str | None = None


class _Named(msgspec.Struct):
    name: str = ""


def list_models_call(request: Request) -> Call:
    """Return the call for a list of models."""
    surface = request.route.surface
    is_gemini = surface is Dialect.GEMINI
    query = {"pageSize": _ALL}
    if is_gemini:
        query = {name: value for name, value in request.query.items() if name in _PAGING}
    return Call(
        surface=surface,
        operation=Operation.LIST_MODELS,
        asked="",
        model="",
        version=request.route.version,
        query=query,
        whole=functools.partial(MappedWhole, functools.partial(_LISTS[surface], request)),
    )


def get_model_call(request: Request) -> Call:
    """Return the call for one model."""
    surface, asked = request.route.surface, request.route.model or ""
    change = _ONE.get(surface)
    whole = SameWhole if change is None else functools.partial(MappedWhole, change)
    return Call(
        surface=surface,
        operation=Operation.GET_MODEL,
        asked=asked,
        model=request.resolved(asked),
        version=request.route.version,
        whole=whole,
    )


def _gemini_list(request: Request, body: bytes) -> bytes:
    """Return the page untouched, or without what the key may not use."""
    if not request.key.scope.models:
        return body
    decode(body, ListModelsResponse)  # raises for what is no list of models
    page = msgspec.json.decode(body, type=_Page)
    page.models = [raw for raw in page.models if _may_use(request, _name_of(raw))]
    return msgspec.json.encode(page)


def _openai_list(request: Request, body: bytes) -> bytes:
    return openai_models.model_list_body(_usable(request, body))


def _anthropic_list(request: Request, body: bytes) -> bytes:
    return anthropic_models.model_list_body(_usable(request, body), request.query)


def _usable(request: Request, body: bytes) -> Sequence[Model]:
    """Return the models of a list that the key may use, and the aliases of those."""
    models = {
        (model.name or "").removeprefix("models/"): model
        for model in decode(body, ListModelsResponse).models
    }
    for alias, target in request.options.aliases.items():
        if target in models and alias not in models:
            models[alias] = msgspec.structs.replace(models[target], name=f"models/{alias}")
    return [model for name, model in models.items() if _may_use(request, name)]


def _may_use(request: Request, name: str) -> bool:
    scope = request.key.scope
    return scope.model_fault(name) is None or scope.model_fault(request.resolved(name)) is None


def _name_of(raw: msgspec.Raw) -> str:
    return msgspec.json.decode(raw, type=_Named).name.removeprefix("models/")


_LISTS: Mapping[Dialect, Callable[[Request, bytes], bytes]] = {
    Dialect.GEMINI: _gemini_list,
    Dialect.OPENAI: _openai_list,
    Dialect.ANTHROPIC: _anthropic_list,
}
_ONE: Mapping[Dialect, Callable[[bytes], bytes]] = {
    Dialect.OPENAI: lambda body: openai_models.model_body(decode(body, Model)),
    Dialect.ANTHROPIC: lambda body: anthropic_models.model_body(decode(body, Model)),
}
