"""A caller's JSON Schema in both of the forms that Gemini reads."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import InvalidRequest
from gemstream.wire.dialect.json_schema import to_json_schema
from gemstream.wire.dialect.openapi_schema import to_openapi_schema
from gemstream.wire.dialect.schema_source import keywords

S = {"type": "STRING"}
NODE = {"type": "object", "properties": {"v": {"type": "string"}, "next": {"$ref": "#/$defs/N"}}}

OPENAPI: dict[str, tuple[Any, Any]] = {
    "TV-13: properties named like keywords survive": (
        {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "$ref": {"type": "string"},
                "default": {"type": "boolean"},
                "format": {"type": "string", "format": "uuid"},
            },
            "required": ["type", "$ref"],
        },
        {
            "type": "OBJECT",
            "properties": {
                "type": S,
                "$ref": S,
                "default": {"type": "BOOLEAN"},
                "format": {"type": "STRING", "description": "(format uuid)"},
            },
            "required": ["type", "$ref"],
        },
    ),
    "TV-14: a schema that holds itself ends": (
        {"$ref": "#/$defs/N", "$defs": {"N": NODE}},
        {
            "type": "OBJECT",
            "properties": {
                "v": S,
                "next": {"type": "OBJECT", "description": "(recursive: N)"},
            },
        },
    ),
    "the description beside a reference wins": (
        {"$ref": "#/definitions/A", "description": "b", "definitions": {"A": {"description": "a"}}},
        {"type": "STRING", "description": "b"},
    ),
    "a type or null": ({"type": ["integer", "null"]}, {"type": "INTEGER", "nullable": True}),
    "two types": (
        {"type": ["string", "array"], "items": {"type": "integer"}, "maxLength": 3, "title": "t"},
        {
            "title": "t",
            "anyOf": [
                {"type": "STRING", "maxLength": 3},
                {"type": "ARRAY", "items": {"type": "INTEGER"}},
            ],
        },
    ),
    "anyOf with null": (
        {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d", "default": None},
        {"type": "STRING", "nullable": True, "description": "d"},
    ),
    "oneOf": (
        {"oneOf": [{"type": "string"}, {"type": "integer"}, {"const": None}]},
        {"anyOf": [S, {"type": "INTEGER"}], "nullable": True},
    ),
    "a union beside properties": (
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        {
            "anyOf": [
                {"type": "OBJECT", "properties": {"a": S, "b": S}, "required": ["a"]},
                {"type": "OBJECT", "properties": {"a": S, "b": S}, "required": ["b"]},
            ]
        },
    ),
    "a union in a union": (
        {"anyOf": [{"title": "t"}, {"title": "u"}], "oneOf": [{"type": "string"}, {"const": 1}]},
        {
            "anyOf": [
                {"title": title, "anyOf": [S, {"type": "INTEGER", "description": "(const 1)"}]}
                for title in ("t", "u")
            ]
        },
    ),
    "allOf": (
        {
            "allOf": [
                {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"$ref": "#/$defs/B"},
            ],
            "$defs": {"B": {"properties": {"b": {"type": "string"}}, "required": ["b"]}},
        },
        {"type": "OBJECT", "properties": {"a": S, "b": S}, "required": ["a", "b"]},
    ),
    "two unions in allOf": (
        {"allOf": [{"anyOf": [{"title": "t"}]}, {"oneOf": [{"title": "u"}, {"title": "v"}]}]},
        {
            "title": "t",
            "anyOf": [{"type": "STRING", "title": "u"}, {"type": "STRING", "title": "v"}],
        },
    ),
    "unions of the same kind in allOf": (
        {
            "allOf": [
                {"anyOf": [{"title": "a"}, {"title": "b"}]},
                {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
            ]
        },
        {
            "anyOf": [
                {"title": "a", "anyOf": [S, {"type": "BOOLEAN"}]},
                {"title": "b", "anyOf": [S, {"type": "BOOLEAN"}]},
            ]
        },
    ),
    "a pointer through a list": (
        {"anyOf": [{"type": "string"}, {"$ref": "#/anyOf/0"}]},
        {"anyOf": [S, S]},
    ),
    "a hint behind the description": (
        {"type": "integer", "multipleOf": 5, "description": "steps"},
        {"type": "INTEGER", "description": "steps (multipleOf 5)"},
    ),
    "a constant text": ({"const": "x"}, {"type": "STRING", "enum": ["x"]}),
    "a constant number": ({"const": 5}, {"type": "INTEGER", "description": "(const 5)"}),
    "an enumeration of numbers": (
        {"type": "integer", "enum": [1, 2]},
        {"type": "INTEGER", "description": "(one of 1,2)"},
    ),
    "an enumeration without a type": ({"enum": [1, "a"]}, {"type": "STRING", "enum": ["1", "a"]}),
    "null and nothing in an enumeration": (
        {"type": "string", "enum": ["a", "", None]},
        {"type": "STRING", "enum": ["a"], "nullable": True},
    ),
    "an enumeration of nothing": (
        {"type": "string", "enum": [None, ""]},
        {"type": "STRING", "nullable": True},
    ),
    "words about a schema that holds itself": (
        {"properties": {"a": {"$ref": "#", "description": "more"}}},
        {
            "type": "OBJECT",
            "properties": {"a": {"type": "OBJECT", "description": "more (recursive: root)"}},
        },
    ),
    "an exclusive bound of an integer": (
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
        {"type": "INTEGER", "minimum": 1, "maximum": 8},
    ),
    "an exclusive bound of a number": (
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "NUMBER", "minimum": 0, "description": "(exclusiveMinimum 0)"},
    ),
    "an exclusive bound of draft 4": (
        {"type": "number", "minimum": 2, "exclusiveMinimum": True},
        {"type": "NUMBER", "minimum": 2, "description": "(exclusiveMinimum 2)"},
    ),
    "an array without items": ({"type": "array"}, {"type": "ARRAY", "items": S}),
    "a tuple": (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        {
            "type": "ARRAY",
            "items": {"anyOf": [S, {"type": "INTEGER"}]},
            "minItems": 2,
            "maxItems": 2,
        },
    ),
    "a tuple of draft 4": (
        {"items": [{"type": "string"}, {"type": "string"}]},
        {"type": "ARRAY", "items": S, "minItems": 2, "maxItems": 2},
    ),
    "no properties": ({"type": "object", "properties": {}, "required": ["a"]}, {"type": "OBJECT"}),
    "required names that are no properties": (
        {"properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"type": "OBJECT", "properties": {"a": S}},
    ),
    "schemas that are booleans": (
        {"properties": {"a": True, "b": False}},
        {"type": "OBJECT", "properties": {"a": {"type": "STRING", "description": "(any value)"}}},
    ),
    "what the Gemini API refuses": (
        {"type": "object", "additionalProperties": False, "default": {}, "$schema": "x"},
        {"type": "OBJECT"},
    ),
}

JSON_SCHEMA: dict[str, tuple[Any, Any]] = {
    "TV-16: siblings of references and lost keywords": (
        {
            "type": "object",
            "properties": {
                "p": {"$ref": "#/$defs/P", "description": "d"},
                "q": {"type": "string", "minLength": 2, "pattern": "^a"},
            },
            "additionalProperties": False,
            "$defs": {"P": {"type": "string"}},
        },
        {
            "type": "object",
            "properties": {
                "p": {"$ref": "#/$defs/P"},
                "q": {"type": "string", "description": "(minLength 2; pattern ^a)"},
            },
            "additionalProperties": False,
            "$defs": {"P": {"type": "string"}},
        },
    ),
    "a schema that holds itself stays": (
        {"$ref": "#/$defs/N", "$defs": {"N": NODE}},
        {"$ref": "#/$defs/N", "$defs": {"N": NODE}},
    ),
    "definitions of draft 7": (
        {"$ref": "#/definitions/A", "definitions": {"A": {"const": 1}}},
        {"$ref": "#/$defs/A", "$defs": {"A": {"enum": [1]}}},
    ),
    "names that are keywords": (
        {"properties": {"minLength": {"type": "string"}, "allOf": {"type": "string"}}},
        {"properties": {"minLength": {"type": "string"}, "allOf": {"type": "string"}}},
    ),
    "allOf": (
        {
            "allOf": [{"$ref": "#/$defs/A"}],
            "description": "d",
            "$defs": {"A": {"type": "string", "description": "a"}},
        },
        {
            "type": "string",
            "description": "d",
            "$defs": {"A": {"type": "string", "description": "a"}},
        },
    ),
    "a tuple of draft 4": (
        {"items": [{"type": "string"}]},
        {"prefixItems": [{"type": "string"}]},
    ),
    "a tuple without more": (
        {"prefixItems": [{"type": "string"}], "items": False},
        {"prefixItems": [{"type": "string"}], "maxItems": 1},
    ),
    "nullable of OpenAPI": ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
}


@pytest.mark.parametrize("case", OPENAPI)
def test_openapi(case: str) -> None:
    given_schema, expected = OPENAPI[case]
    assert to_openapi_schema(given_schema) == expected


@pytest.mark.parametrize("case", JSON_SCHEMA)
def test_json_schema(case: str) -> None:
    given_schema, expected = JSON_SCHEMA[case]
    assert to_json_schema(given_schema) == expected


def test_vertex_keeps_default_and_additional_properties() -> None:
    schema = {"type": "object", "default": {}, "additionalProperties": {"type": "string"}}
    assert to_openapi_schema(schema, is_vertex=True) == {
        "type": "OBJECT",
        "default": {},
        "additionalProperties": S,
    }


@pytest.mark.parametrize(("rest", "kept"), [({}, True), (True, True), (False, False)])
def test_vertex_keeps_whether_other_properties_may_be(rest: Any, kept: bool) -> None:
    schema = {"type": "object", "additionalProperties": rest}
    assert to_openapi_schema(schema, is_vertex=True)["additionalProperties"] is kept


def test_vertex_has_a_union_alone() -> None:
    schema = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}
    assert to_openapi_schema(schema, is_vertex=True) == {
        "anyOf": [{"nullable": True, **S}, {"nullable": True, "type": "INTEGER"}]
    }


def test_the_order_of_properties_is_told_for_an_answer() -> None:
    schema = {"properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
    assert to_openapi_schema(schema, is_ordered=True)["propertyOrdering"] == ["b", "a"]


@pytest.mark.parametrize("convert", [to_openapi_schema, to_json_schema])
@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "a schema is a JSON object"),
        ({"$ref": "https://x.org/s"}, "only references into itself"),
        ({"$ref": "#/$defs/B", "$defs": {"A": {}}}, "its definitions are A"),
        ({"$ref": "#/anyOf/7", "anyOf": [{}]}, "does not hold"),
    ],
)
def test_what_cannot_be_sent_is_named(convert: Any, schema: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        convert(schema)


def _nested_all_of(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"allOf": [schema]}
    return schema


@pytest.mark.parametrize("convert", [to_openapi_schema, to_json_schema])
def test_a_schema_deeper_than_we_can_go_is_refused(convert: Any) -> None:
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        convert(_nested_all_of(2000))


def _laughing() -> dict[str, Any]:
    """Thirty definitions, each of which holds the next twice."""
    definitions: dict[str, Any] = {
        f"L{n}": {"allOf": [{"$ref": f"#/$defs/L{n + 1}"}, {"$ref": f"#/$defs/L{n + 1}"}]}
        for n in range(30)
    }
    return {"$ref": "#/$defs/L0", "$defs": {**definitions, "L30": {"type": "string"}}}


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"x": schema}}
    return schema


def _size(schema: Any) -> int:
    if isinstance(schema, dict):
        return 1 + sum(_size(value) for value in schema.values())
    return sum(_size(item) for item in schema) if isinstance(schema, list) else 1


@pytest.mark.parametrize("schema", [_laughing(), _deep(200)], ids=["laughing", "deep"])
def test_a_schema_that_grows_stays_bounded(schema: dict[str, Any]) -> None:
    assert _size(to_openapi_schema(schema)) < 10_000


@pytest.mark.parametrize("schema", [_laughing(), _deep(200)], ids=["laughing", "deep"])
def test_a_schema_too_large_for_references_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"nested deeper .* or larger"):
        to_json_schema(schema)


_WORDS = sorted(
    keywords(
        "type properties items anyOf oneOf allOf $ref $defs enum const required format nullable "
        "not prefixItems minimum exclusiveMinimum additionalProperties description default"
    )
)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(_WORDS), inner, max_size=4)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["string", "object", "array", "#", "#/$defs/type"]),
    lambda inner: st.lists(inner, max_size=3) | _objects(inner),
    max_leaves=25,
)


@given(_objects(_VALUES))
def test_any_object_is_converted_or_refused(schema: dict[str, Any]) -> None:
    for convert in (to_openapi_schema, to_json_schema):
        with contextlib.suppress(InvalidRequest):
            assert isinstance(convert(schema), dict)
