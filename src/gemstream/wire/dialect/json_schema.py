"""A caller's JSON Schema → the part of JSON Schema that Gemini reads.

For ``parametersJsonSchema`` and ``responseJsonSchema``, from Gemini 2.5 on. References stay, so a
recursive schema stays one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...errors import InvalidRequest
from ..codec import JSONObject
from .schema_source import (
    NO_COUNTERPART,
    SchemaSource,
    described,
    hint,
    inclusive_bounds,
    keywords,
    merged,
)

__all__ = ("to_json_schema",)

# https://ai.google.dev/api/generate-content#GenerationConfig, field responseJsonSchema.
_KEPT = keywords(
    "$id $anchor type format title description enum minItems maxItems minimum maximum required "
    "propertyOrdering"
)
_TOLD = NO_COUNTERPART | keywords("minLength maxLength pattern minProperties maxProperties")
_OF_SCHEMAS = ("anyOf", "oneOf", "prefixItems")
_MAX_DEPTH = 64
_MAX_NODES = 10_000


def to_json_schema(schema: Any) -> JSONObject:
    """Return ``schema`` with the keywords that Gemini reads, the lost ones told in descriptions.

    Beside ``$ref`` nothing else may stand, so siblings go. Raises InvalidRequest for what is no
    schema, refers outside itself, or is deeper than 64 levels or larger than 10,000 schemas.
    """
    try:
        return _Conversion(SchemaSource(schema)).convert(schema, 0)
    except RecursionError:
        raise InvalidRequest("the schema is nested too deeply; make it flatter") from None


class _Conversion:
    """One schema on its way."""

    __slots__ = ("_source",)

    def __init__(self, source: SchemaSource) -> None:
        self._source = source

    def convert(self, schema: Any, depth: int) -> JSONObject:
        if depth > _MAX_DEPTH or self._source.count() > _MAX_NODES:
            raise InvalidRequest(
                f"the schema is nested deeper than {_MAX_DEPTH} levels or larger than {_MAX_NODES} "
                "schemas; make it smaller"
            )
        if not isinstance(schema, dict):
            return {}  # true: anything
        if "$ref" in schema:
            return self._reference(schema, depth)
        schema, hints = inclusive_bounds(_as_2020(self._without_all_of(schema, frozenset())))
        out = {key: value for key, value in schema.items() if key in _KEPT}
        out |= dict(self._nested(schema, depth + 1))
        out = {key: out[key] for key in schema if key in out}  # in the caller's order
        hints += [hint(key, value) for key, value in schema.items() if key in _TOLD]
        return described(out, hints)

    def _reference(self, schema: JSONObject, depth: int) -> JSONObject:
        self._source.find(schema["$ref"])  # a dangling one is refused here, by name
        reference = schema["$ref"]
        if reference.startswith("#/definitions/"):
            reference = reference.replace("#/definitions/", "#/$defs/", 1)
        definitions = _as_2020({key: schema[key] for key in _DEFINITIONS if key in schema})
        return {"$ref": reference, **dict(self._nested(definitions, depth + 1))}

    def _without_all_of(self, schema: JSONObject, entered: frozenset[str]) -> JSONObject:
        """Return ``schema`` with the branches of ``allOf`` merged into it."""
        branches = schema.get("allOf")
        if not isinstance(branches, list):
            return schema
        own = {key: value for key, value in schema.items() if key != "allOf"}
        flat: list[JSONObject] = []
        for branch in branches:
            inside = entered
            while isinstance(branch, dict) and "$ref" in branch:
                name, found = self._source.find(branch["$ref"])
                if branch["$ref"] in inside or self._source.count() > _MAX_NODES:
                    found = {"description": f"(recursive: {name})"}
                inside |= {branch["$ref"]}
                branch = found
            if isinstance(branch, dict):
                flat.append(self._without_all_of(branch, inside))
        return merged([*flat, own])

    def _nested(self, schema: JSONObject, depth: int) -> Iterator[tuple[str, Any]]:
        """Yield the keywords that hold schemas, converted."""
        for key in ("properties", "$defs"):
            if isinstance(named := schema.get(key), dict):
                yield (
                    key,
                    {
                        name: self.convert(inner, depth)
                        for name, inner in named.items()
                        if inner is not False
                    },
                )
        for key in _OF_SCHEMAS:
            if isinstance(listed := schema.get(key), list):
                yield key, [self.convert(inner, depth) for inner in listed if inner is not False]
        if isinstance(items := schema.get("items"), dict | bool) and items is not False:
            yield "items", self.convert(items, depth)
        rest = schema.get("additionalProperties")
        if rest is not None:
            yield (
                "additionalProperties",
                self.convert(rest, depth) if isinstance(rest, dict) else rest,
            )


_DEFINITIONS = ("definitions", "$defs")


def _as_2020(schema: JSONObject) -> JSONObject:
    """Return ``schema`` with what other drafts and OpenAPI write otherwise in today's words."""
    schema = dict(schema)
    if isinstance(definitions := schema.pop("definitions", None), dict):
        schema["$defs"] = {**definitions, **(schema.get("$defs") or {})}
    if "const" in schema:
        schema["enum"] = [schema["const"]]
    items = schema.get("items")
    if isinstance(items, list):
        schema["prefixItems"] = items
        del schema["items"]
    elif items is False and isinstance(first := schema.get("prefixItems"), list):
        schema["maxItems"] = len(first)
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    return schema
