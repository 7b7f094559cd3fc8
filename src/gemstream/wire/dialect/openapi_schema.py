"""A caller's JSON Schema → Gemini's own ``Schema``, a part of OpenAPI 3.0.

For ``parameters`` and ``responseSchema``. References are written out where they stand; a schema
that holds itself ends in an object the model is told about. A type is one word in capitals, and
null is ``nullable``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ...errors import InvalidRequest
from ..codec import JSONObject
from .schema_enum import without_foreign_enum
from .schema_source import (
    NO_COUNTERPART,
    SchemaSource,
    described,
    hint,
    inclusive_bounds,
    keywords,
    merged,
)

__all__ = ("to_openapi_schema",)

# https://ai.google.dev/api/caching#Schema: what is taken over as it stands.
_KEPT = keywords(
    "type format title description nullable enum minItems maxItems minProperties maxProperties "
    "minimum maximum minLength maxLength pattern example propertyOrdering"
)
_FORMATS = keywords(
    "date-time date time duration email byte int32 int64 float double enum password"
)
_MAX_DEPTH = 24
_MAX_NODES = 2_000
_NULL: tuple[Any, ...] = ({"type": "null"}, {"const": None}, {"enum": [None]})
# What a branch of a type written as a list takes along.
_OF_TYPE = {
    "string": "minLength maxLength pattern format enum const",
    "integer": "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf format enum const",
    "number": "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf format enum const",
    "boolean": "enum const",
    "array": "items prefixItems minItems maxItems uniqueItems contains",
    "object": "properties required additionalProperties minProperties maxProperties "
    "propertyOrdering patternProperties propertyNames",
}
_BRANCHED = frozenset(word for words in _OF_TYPE.values() for word in words.split())
_ABOUT = ("title", "description", "nullable", "default", "example")


def to_openapi_schema(
    schema: Any, *, is_vertex: bool = False, is_ordered: bool = False
) -> JSONObject:
    """Return ``schema`` as a Gemini ``Schema``, what it cannot say told in descriptions.

    ``is_vertex``: keep ``default`` and ``additionalProperties``, which the Gemini API refuses.
    ``is_ordered``: the answer's properties shall come in the order of the schema; for
    ``responseSchema``. An object without properties is ``{"type": "OBJECT"}``. Deeper than 24
    levels or behind 2,000 schemas it ends like one that holds itself. Raises InvalidRequest for
    what is no schema, or refers outside itself.
    """
    conversion = _Conversion(SchemaSource(schema), is_vertex, is_ordered)
    try:
        return conversion.convert(schema, _Place(entered=frozenset({"#"})))
    except RecursionError:
        raise InvalidRequest("the schema is nested too deeply; make it flatter") from None


class _Place(msgspec.Struct, frozen=True):
    """Where in the schema a conversion stands; ``entered`` are the references it is inside."""

    depth: int = 0
    entered: frozenset[str] = frozenset()


class _Recursive(Exception):
    """A reference leads back to where it stands; ``args[0]`` is the name."""


class _Conversion:
    """One schema on its way."""

    __slots__ = ("_is_ordered", "_is_vertex", "_source")

    def __init__(self, source: SchemaSource, is_vertex: bool, is_ordered: bool) -> None:
        self._source = source
        self._is_vertex = is_vertex
        self._is_ordered = is_ordered

    def convert(self, schema: Any, place: _Place) -> JSONObject:
        if not isinstance(schema, dict) or not schema:
            return {"type": "STRING", "description": "(any value)"}
        if place.depth > _MAX_DEPTH or self._source.count() > _MAX_NODES:
            return _recursive(schema, _name_of(schema))
        try:
            schema, place = self._flattened(schema, place)
        except _Recursive as error:
            return _recursive(schema, error.args[0])
        schema, hints = inclusive_bounds(without_foreign_enum(_single_type(schema)))
        if isinstance(branches := schema.get("anyOf"), list):
            return self._union(schema, branches, hints, place)
        return self._plain(_with_type(schema), hints, place)

    def _flattened(self, schema: JSONObject, place: _Place) -> tuple[JSONObject, _Place]:
        """Write out references, ``allOf`` and unions of one; raises _Recursive."""
        while True:
            if "$ref" in schema:
                found, place = self._entered(schema["$ref"], place)
                beside = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**found, **beside}
            elif isinstance(schema.get("allOf"), list):
                schema, place = self._all_of(schema, place)
            elif (hoisted := _hoisted(schema)) is not None:
                schema = hoisted
            else:
                return schema, place

    def _entered(self, reference: Any, place: _Place) -> tuple[JSONObject, _Place]:
        name, found = self._source.find(reference)
        if reference in place.entered or self._source.count() > _MAX_NODES:
            raise _Recursive(name)
        return (
            found if isinstance(found, dict) else {},
            _Place(place.depth, place.entered | {reference}),
        )

    def _all_of(self, schema: JSONObject, place: _Place) -> tuple[JSONObject, _Place]:
        own = {key: value for key, value in schema.items() if key != "allOf"}
        entered = place.entered
        flat: list[JSONObject] = []
        for branch in schema["allOf"]:
            if isinstance(branch, dict):
                one, inside = self._flattened(branch, place)
                flat.append(one)
                entered |= inside.entered
        return merged([*flat, own]), _Place(place.depth, entered)

    def _union(
        self, schema: JSONObject, branches: list[Any], hints: list[str], place: _Place
    ) -> JSONObject:
        """Return ``anyOf`` with nothing but words beside it: the rest goes into every branch.

        Vertex refuses even those: "When using any_of, it must be the only field set".
        """
        about = {key: schema[key] for key in _ABOUT if key in schema}
        shared = {
            key: value
            for key, value in schema.items()
            if key not in about and key not in ("anyOf", "$defs", "definitions")
        }
        kept = self._kept(about, is_vertex=self._is_vertex)
        inside = _Place(place.depth + 1, place.entered)
        options = [
            self.convert(self._branch(branch, shared, inside), inside)
            for branch in branches
            if branch is not False
        ]
        if self._is_vertex:
            return {"anyOf": [described({**kept, **option}, hints) for option in options]}
        return described({**kept, "anyOf": options}, hints)

    def _branch(self, branch: Any, shared: JSONObject, place: _Place) -> Any:
        if not shared or not isinstance(branch, dict):
            return branch
        return {"allOf": [shared, branch]}

    def _plain(self, schema: JSONObject, hints: list[str], place: _Place) -> JSONObject:
        out = self._kept(schema, is_vertex=self._is_vertex)
        hints = [*hints, *_lost(schema)]
        if isinstance(schema["type"], str):
            out["type"] = schema["type"].upper()
        inside = _Place(place.depth + 1, place.entered)
        if out["type"] == "ARRAY":
            out |= self._items(schema, inside)
        if isinstance(schema.get("properties"), dict):
            out |= self._properties(schema, inside)
        rest = schema.get("additionalProperties")
        if self._is_vertex and rest is not None:
            is_schema = isinstance(rest, dict) and bool(rest)
            out["additionalProperties"] = (
                self.convert(rest, inside) if is_schema else rest is not False
            )
        return described(out, hints)

    def _properties(self, schema: JSONObject, place: _Place) -> JSONObject:
        named = {
            name: self.convert(inner, place)
            for name, inner in schema["properties"].items()
            if inner is not False
        }
        if not named:
            return {}
        out: JSONObject = {"properties": named}
        required = schema.get("required")
        required = required if isinstance(required, list) else []
        if known := [name for name in required if isinstance(name, str) and name in named]:
            out["required"] = known
        if self._is_ordered and "propertyOrdering" not in schema:
            out["propertyOrdering"] = list(named)
        return out

    def _items(self, schema: JSONObject, place: _Place) -> JSONObject:
        items, first = schema.get("items"), schema.get("prefixItems")
        if isinstance(items, list):
            items, first = None, items
        if not isinstance(first, list) or not first:
            is_schema = isinstance(items, dict) and bool(items)
            return {"items": self.convert(items, place) if is_schema else {"type": "STRING"}}
        options: list[JSONObject] = []
        for inner in first:
            if (option := self.convert(inner, place)) not in options:
                options.append(option)
        union = options[0] if len(options) == 1 else {"anyOf": options}
        return {"items": union, "minItems": len(first), "maxItems": len(first)}

    def _kept(self, schema: JSONObject, *, is_vertex: bool) -> JSONObject:
        return {
            key: value
            for key, value in schema.items()
            if (key in _KEPT or (key == "default" and is_vertex)) and not _is_odd_format(key, value)
        }


def _is_odd_format(key: str, value: Any) -> bool:
    return key == "format" and not (isinstance(value, str) and value in _FORMATS)


def _lost(schema: JSONObject) -> Iterable[str]:
    for key, value in schema.items():
        if key in NO_COUNTERPART or _is_odd_format(key, value):
            yield hint(key, value)


def _recursive(schema: JSONObject, name: str) -> JSONObject:
    kept = {"type": "OBJECT"}
    if isinstance(said := schema.get("description"), str):
        kept["description"] = said
    return described(kept, [f"recursive: {name}"])


def _name_of(schema: JSONObject) -> str:
    named = schema.get("title") or str(schema.get("$ref", "")).rpartition("/")[2]
    return str(named or "too deep")


def _hoisted(schema: JSONObject) -> JSONObject | None:
    """Return ``schema`` without null in its union, and without the union of one; None as it is."""
    keyword = next((key for key in ("anyOf", "oneOf") if isinstance(schema.get(key), list)), None)
    if keyword is None:
        return None
    branches = schema[keyword]
    some = [branch for branch in branches if branch not in _NULL]
    rest = {key: value for key, value in schema.items() if key != keyword}
    if len(some) < len(branches):
        rest["nullable"] = True
    if len(some) == 1 and isinstance(some[0], dict):
        return {"allOf": [some[0]], **rest} if "allOf" not in rest else None
    if keyword == "anyOf" and len(some) == len(branches):
        return None
    return {**rest, "anyOf": some} if some else rest


def _single_type(schema: JSONObject) -> JSONObject:
    """Return ``schema`` with a list of types as one type, or as a union of them."""
    types = schema.get("type")
    if not isinstance(types, list):
        return schema
    some = [name for name in types if name != "null"]
    schema = dict(schema)
    if len(some) < len(types):
        schema["nullable"] = True
    if len(some) <= 1 or isinstance(schema.get("anyOf"), list):
        schema["type"] = some[0] if some else "string"
        return schema
    rest = {key: value for key, value in schema.items() if key not in _BRANCHED and key != "type"}
    return {**rest, "anyOf": [_of_type(schema, str(name)) for name in some]}


def _of_type(schema: JSONObject, name: str) -> JSONObject:
    words = _OF_TYPE.get(name, "").split()
    return {"type": name, **{word: schema[word] for word in words if word in schema}}


def _with_type(schema: JSONObject) -> JSONObject:
    if schema.get("type"):
        return schema
    if "properties" in schema or "additionalProperties" in schema:
        return {**schema, "type": "object"}
    is_array = "items" in schema or "prefixItems" in schema
    return {**schema, "type": "array" if is_array else "string"}
