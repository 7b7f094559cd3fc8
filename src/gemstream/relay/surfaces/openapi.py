"""The OpenAPI 3.1 document of what callers can ask, dialect by dialect.

What the services themselves define is not said again: a body passes through with fields that this
document does not know, so of each only what the relay itself asks for is named.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import msgspec

from ...wire.dialect.dialect import Dialect
from ..keys.key_info import KeyInfo
from ..ledger.report import UsageRow
from ..route import Action
from .own import OwnRequest

__all__ = ("SERVED", "OwnUsage", "Served", "surfaces_document")

_MODEL = "[A-Za-z0-9][A-Za-z0-9._@-]{0,127}"


class OwnUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What a key used: rows and their sum; cost in micro-dollars."""

    rows: tuple[UsageRow, ...]
    total: UsageRow


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """One request that is served; ``aliases``: paths that mean the same.

    ``needs``: the fields that its body must have, with their JSON types. ``query``: its
    parameters with their schemas. ``answer``: the type of the answer where it is the relay's own.
    """

    method: str
    path: str
    surface: Dialect
    action: Action
    says: str
    aliases: tuple[str, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, Any], ...] = ()
    streams: bool = False
    answer: type[msgspec.Struct] | None = None


_GEMINI = ("/v1", "/gemini/v1beta", "/gemini/v1")
_OPENAI = ("/openai", "/openai/v1", "/openai/gemini", "/openai/gemini/v1", "/v1beta/openai")
_ANTHROPIC = ("/claude/v1", "/anthropic/v1", "/api/v1")
_OWN = ("", "/v1beta", "/gemini", "/gemini/v1", *_OPENAI, "/claude", *_ANTHROPIC)
_CONTENTS = (("contents", "array"),)
_CHAT = (("model", "string"), ("messages", "array"))
_MESSAGES = (("model", "string"), ("max_tokens", "integer"), ("messages", "array"))
_COUNTED = (("model", "string"), ("messages", "array"))
_DAY = {"type": "string", "format": "date"}


def _gemini(method: str, tail: str, action: Action, says: str, /, **more: Any) -> Served:
    aliases = tuple(f"{prefix}/{tail}" for prefix in _GEMINI)
    given = {"surface": Dialect.GEMINI, "aliases": aliases, **more}
    return Served(method=method, path=f"/v1beta/{tail}", action=action, says=says, **given)


def _openai(
    method: str, tail: str, action: Action, says: str, /, *, first: str = "/v1", **more: Any
) -> Served:
    aliases = tuple(f"{prefix}/{tail}" for prefix in _OPENAI if prefix != first)
    given = {"surface": Dialect.OPENAI, "aliases": aliases, **more}
    return Served(method=method, path=f"{first}/{tail}", action=action, says=says, **given)


def _anthropic(
    method: str, tail: str, action: Action, says: str, /, *, first: str = "/v1", **more: Any
) -> Served:
    aliases = tuple(f"{prefix}/{tail}" for prefix in _ANTHROPIC if prefix != first)
    given = {"surface": Dialect.ANTHROPIC, "aliases": aliases, **more}
    return Served(method=method, path=f"{first}/{tail}", action=action, says=says, **given)


def _own(tail: str, action: Action, says: str, /, **more: Any) -> Served:
    aliases = tuple(f"{prefix}/{tail}" for prefix in _OWN)
    given = {"surface": Dialect.GEMINI, "aliases": aliases, **more}
    return Served(method="GET", path=f"/v1/{tail}", action=action, says=says, **given)


SERVED: tuple[Served, ...] = (
    _gemini(
        "POST",
        "models/{model}:generateContent",
        Action.GENERATE,
        "Generate an answer.",
        needs=_CONTENTS,
    ),
    _gemini(
        "POST",
        "models/{model}:streamGenerateContent",
        Action.GENERATE,
        "Generate an answer chunk by chunk: an array, or events with alt=sse.",
        needs=_CONTENTS,
        query=(("alt", {"type": "string", "enum": ["sse"]}),),
        streams=True,
    ),
    _gemini("POST", "models/{model}:countTokens", Action.COUNT, "Count tokens."),
    _gemini("POST", "models/{model}:embedContent", Action.EMBED, "Embed a text."),
    _gemini("POST", "models/{model}:batchEmbedContents", Action.EMBED, "Embed several texts."),
    _gemini("GET", "models", Action.LIST_MODELS, "List the models that the key may use."),
    _gemini("GET", "models/{model}", Action.GET_MODEL, "Tell of one model."),
    _openai(
        "POST",
        "chat/completions",
        Action.GENERATE,
        "Complete a chat, whole or streamed.",
        needs=_CHAT,
        streams=True,
    ),
    _openai(
        "POST",
        "embeddings",
        Action.EMBED,
        "Embed texts.",
        needs=(("model", "string"),),
    ),
    _openai("GET", "models", Action.LIST_MODELS, "List models.", first="/openai/v1"),
    _openai("GET", "models/{model}", Action.GET_MODEL, "Tell of a model.", first="/openai/v1"),
    _anthropic(
        "POST",
        "messages",
        Action.GENERATE,
        "Answer messages, whole or streamed.",
        needs=_MESSAGES,
        streams=True,
    ),
    _anthropic("POST", "messages/count_tokens", Action.COUNT, "Count tokens.", needs=_COUNTED),
    _anthropic("GET", "models", Action.LIST_MODELS, "List models.", first="/claude/v1"),
    _anthropic("GET", "models/{model}", Action.GET_MODEL, "Tell of a model.", first="/claude/v1"),
    _own("key-info", Action.KEY_INFO, "Tell what the key may do and has left.", answer=KeyInfo),
    _own(
        "usage",
        Action.USAGE,
        "Tell what the key used.",
        query=(
            ("by", {"type": "string", "enum": ["model", "day"]}),
            ("since", _DAY),
            ("until", _DAY),
        ),
        answer=OwnUsage,
    ),
    _own("usage/{request}", Action.USAGE, "Tell what one request came to.", answer=OwnRequest),
)
"""All of it, but for files, which pass through as the service has them."""


@functools.cache
def surfaces_document() -> bytes:
    """Return the document as indented JSON."""
    types = [one.answer for one in SERVED if one.answer is not None]
    found, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(types, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in SERVED:
        answer = schemas[one.answer] if one.answer else {"type": "object"}
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, answer)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "gemstream relay: callers",
            "version": "1",
            "description": "Three dialects on one listener; x-aliases are other paths of the same.",
        },
        "servers": [{"url": "http://127.0.0.1:8080"}],
        "security": [{"bearer": []}, {"google": []}, {"anthropic": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _WAYS},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


_WAYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "google": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
    "anthropic": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
_NAMES = {"model": f"^{_MODEL}$", "request": "^[A-Za-z0-9_-]{1,64}$"}
_ERROR = {
    "description": "Refused, in the envelope of the dialect.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {"error": {"type": "object", "required": ["message"]}},
            }
        }
    },
}


def _operation(one: Served, answer: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": _whole(one, answer)}}
    if one.streams:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "operationId": _id(one),
        "summary": one.says,
        "tags": [one.surface.value],
        "x-aliases": list(one.aliases),
        "parameters": [
            *(_param(name, "path", _pattern(name)) for name in re.findall(r"\{(\w+)\}", one.path)),
            *(_param(name, "query", schema) for name, schema in one.query),
        ],
        "responses": {"200": {"description": "Done.", "content": content}, "default": _ERROR},
    }
    if one.method == "POST":
        schema = {
            "type": "object",
            "required": [name for name, _ in one.needs],
            "properties": {name: {"type": kind} for name, kind in one.needs},
        }
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _whole(one: Served, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the answer in JSON; Gemini's stream without events is an array."""
    if one.streams and one.surface is Dialect.GEMINI:
        return {"type": "array", "items": {"type": "object"}}
    return answer


def _id(one: Served) -> str:
    words = re.sub(r"[^A-Za-z]+", " ", one.path).split()
    return "_".join((one.surface.value, one.method.lower(), *words))


def _param(name: str, place: str, schema: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _pattern(name: str) -> dict[str, Any]:
    return {"type": "string", "pattern": _NAMES[name]}
