"""The OpenAPI 3.1 document of the operators' side, made of its route table and its types."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ..accounts.kinds import KINDS
from .route import NAME, ROWS, Param, Row
from .views import Error

__all__ = ("admin_document",)

_SCHEMAS = "#/components/schemas/{name}"
_PLACE = re.compile(r"\{([a-z]+)\}")
_SAYS = {
    400: "The request cannot be used; each problem is told.",
    401: "The operators' token is missing or wrong.",
    404: "There is none of this name.",
    409: "It stands in the file, has a name that is taken, or was changed meanwhile.",
    413: "The body is too long.",
    429: "Too many wrong tokens came from this address.",
    501: "It needs something that does not run here.",
    503: "The database cannot be reached.",
}
_ALWAYS = (400, 401, 429, 503)


@functools.cache
def admin_document() -> bytes:
    """Return the document as indented JSON."""
    schemas, components = _components()
    paths: dict[str, dict[str, Any]] = {}
    for row in ROWS:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "gemstream relay: operators",
            "version": "1",
            "description": "Served on the listener of [admin], with its token as Bearer.",
        },
        "servers": [{"url": "http://127.0.0.1:8081"}],
        "security": [{"operator": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


_Schemas = dict[Any, dict[str, Any]]


def _components() -> tuple[_Schemas, dict[str, Any]]:
    types = list(dict.fromkeys([*_types(ROWS), Error]))
    found, components = msgspec.json.schema_components(types, ref_template=_SCHEMAS)
    for schema in components.values():
        kind = schema.get("properties", {}).get("kind")
        if kind is not None and "pattern" in kind:
            kind["enum"] = sorted(KINDS)
    return dict(zip(types, found, strict=True)), components


def _types(rows: Iterable[Row]) -> Iterable[Any]:
    for row in rows:
        yield row.answer
        if row.body is not None:
            yield row.body


def _operation(row: Row, schemas: _Schemas) -> dict[str, Any]:
    told = (row.act.__doc__ or "").strip()
    names = _PLACE.findall(row.path)
    operation: dict[str, Any] = {
        "operationId": getattr(row.act, "__name__", row.path),
        "summary": told,
        "parameters": [*map(_path_param, names), *map(_query_param, row.query)],
        "responses": {
            str(row.code): {
                "description": "Done.",
                "content": {kind: _media(kind, schemas[row.answer]) for kind in row.types},
            },
            **{str(code): _refusal(code, schemas) for code in _codes(row, bool(names))},
        },
    }
    if row.answer.__name__ == "Health":
        operation["responses"]["503"]["content"]["application/json"] = {
            "schema": {"anyOf": [schemas[row.answer], schemas[Error]]}
        }
    if row.body is not None:
        operation["requestBody"] = {
            "required": not row.is_body_optional,
            "content": {"application/json": {"schema": schemas[row.body]}},
        }
    return operation


def _codes(row: Row, has_name: bool) -> list[int]:
    found = {*_ALWAYS, *row.codes}
    if has_name:
        found.add(404)
    if row.body is not None:
        found.add(413)
    return sorted(found)


def _refusal(code: int, schemas: _Schemas) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas[Error]}}
    return {"description": _SAYS[code], "content": content}


def _media(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    if kind == "application/json":
        return {"schema": schema}
    return {"schema": {"type": "string"}}


def _path_param(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^{NAME}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_param(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 256}
    if param.choices:
        schema = {"type": "string", "enum": list(param.choices)}
    elif param.name in ("since", "until"):
        schema = {"type": "string", "format": "date"}
    elif param.name == "limit":
        schema = {"type": "integer", "minimum": 1, "maximum": 10_000}
    return {"name": param.name, "in": "query", "description": param.says, "schema": schema}
