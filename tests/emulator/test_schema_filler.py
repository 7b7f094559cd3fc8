"""Schemas filled: whatever the schema, the value fits it, and the same seed gives the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.emulator.builtin.prompt import PromptValues
from gemstream.emulator.builtin.schema_filler import SchemaFiller, SchemaTooComplex


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Judge by the rules of JSON Schema, written anew so that it can disagree."""
    if "const" in schema:
        return value == schema["const"]
    if "enum" in schema:
        return value in schema["enum"]
    if "anyOf" in schema:
        return any(fits(option, value) for option in schema["anyOf"])
    return _CHECKS[schema["type"].lower()](schema, value)


def _fits_object(schema: dict[str, Any], value: Any) -> bool:
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    known = all(fits(properties[name], one) for name, one in value.items() if name in properties)
    return known and required <= set(value) and len(value) >= schema.get("minProperties", 0)


def _fits_array(schema: dict[str, Any], value: Any) -> bool:
    most = schema.get("maxItems", len(value))
    return schema.get("minItems", 0) <= len(value) <= most and all(
        fits(schema["items"], item) for item in value
    )


def _fits_number(schema: dict[str, Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return schema.get("minimum", value) <= value <= schema.get("maximum", value)


_CHECKS = {
    "object": _fits_object,
    "array": _fits_array,
    "string": lambda schema, value: (
        isinstance(value, str)
        and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
    ),
    "integer": lambda schema, value: isinstance(value, int) and _fits_number(schema, value),
    "number": _fits_number,
    "boolean": lambda schema, value: isinstance(value, bool),
    "null": lambda schema, value: value is None,
}

_names = st.sampled_from(["a", "b", "city", "ünï"])


def _bounds(low: str, high: str, numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.tuples(numbers, numbers).map(sorted)
    both = pairs.map(lambda pair: {low: pair[0], high: pair[1]})
    one = st.builds(lambda name, number: {name: number}, st.sampled_from([low, high]), numbers)
    return st.one_of(st.just({}), both, one)


def _typed(kind: str, **more: Any) -> Any:
    return lambda extra: {"type": kind, **extra, **more}


_leaves = st.one_of(
    _bounds("minimum", "maximum", st.integers(-1000, 1000)).map(_typed("INTEGER")),
    _bounds("minimum", "maximum", st.floats(-1e6, 1e6)).map(_typed("number")),
    _bounds("minLength", "maxLength", st.integers(0, 50)).map(_typed("string")),
    st.sampled_from([{"type": "BOOLEAN"}, {"type": "null"}, {"const": [1]}, {"enum": ["x", "y"]}]),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.tuples(inner, _bounds("minItems", "maxItems", st.integers(0, 4))).map(
        lambda pair: {"type": "ARRAY", "items": pair[0], **pair[1]}
    )
    objects = st.dictionaries(_names, inner).flatmap(
        lambda properties: st.builds(
            lambda required, least: {
                "type": "object",
                "properties": properties,
                "required": required,
                "minProperties": least,
            },
            st.lists(_names, unique=True),
            st.integers(0, 6),
        )
    )
    options = st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options})
    return st.one_of(arrays, objects, options)


@given(st.recursive(_leaves, _nested, max_leaves=12), st.text(max_size=3))
@settings(max_examples=300, deadline=None)
def test_the_value_fits_the_schema(schema: dict[str, Any], seed: str) -> None:
    value = SchemaFiller(schema, seed=seed).fill()
    assert fits(schema, value), value
    assert SchemaFiller(schema, seed=seed).fill() == value


EXACT = [
    ({"type": "STRING", "format": "date"}, r"\d{4}-\d\d-\d\d"),
    ({"type": "string", "format": "date-time"}, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ({"type": ["null", "string"], "format": "email"}, r"\w+@example\.com"),
    ({"type": "string", "minLength": 30}, r".{30}"),
    ({"type": "string", "maxLength": 3}, r".{3}"),
    ({"$ref": "#/$defs/Id", "$defs": {"Id": {"type": "string", "format": "uuid"}}}, r"[0-9-]{36}"),
    ({"ref": "#/defs/a~1b", "defs": {"a/b": {"enum": ["only"]}}}, "only"),
    ({"allOf": [{"type": "string"}, {"maxLength": 2}]}, ".."),
]


@pytest.mark.parametrize(("schema", "pattern"), EXACT)
def test_texts_have_their_form(schema: dict[str, Any], pattern: str) -> None:
    assert re.fullmatch(pattern, SchemaFiller(schema).fill())


VALUES = [
    ({"type": "integer", "multipleOf": 7, "minimum": 8, "maximum": 20}, 14),
    ({"type": "number", "multipleOf": 0.5, "minimum": 0.75}, 1.0),
    ({"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6}, 5),
    ({"type": "array", "items": {"const": 1}, "min_items": 3, "max_items": 3}, [1, 1, 1]),
    ({"type": "array", "prefixItems": [{"const": 1}, {"const": "b"}]}, [1, "b"]),
    ({"anyOf": [{"type": "null"}, {"const": 5}]}, 5),
    ({"any_of": [{"const": 3}]}, 3),
    ({"type": "OBJECT", "properties": {"b": {"const": 1}, "a": {"const": 2}},
      "propertyOrdering": ["a", "b"]}, {"a": 2, "b": 1}),
    ({"type": "object", "required": ["x"], "additionalProperties": {"const": 1}}, {"x": 1}),
    ({"allOf": [{"properties": {"a": {"const": 1}}}], "properties": {"b": {"const": 2}}},
     {"b": 2, "a": 1}),
    ({"properties": {"n": {"type": "null"}}}, {"n": None}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), VALUES)
def test_values_are_exact_where_there_is_no_choice(schema: dict[str, Any], value: Any) -> None:
    filled = SchemaFiller(schema).fill()
    assert filled == value
    assert list(filled) == list(value) if isinstance(value, dict) else True


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    tree = {
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                },
                "required": ["name", "next", "children"],
            }
        },
        "$ref": "#/$defs/Node",
    }
    assert SchemaFiller(tree).fill()["next"]["name"]


ENDLESS = [
    {"$ref": "#/a", "a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}},
    {"type": "object", "required": ["self"], "properties": {"self": {"$ref": "#"}}},
    {"type": "array", "minItems": 10**9, "items": {}},
    {"type": "array", "minItems": 200, "items": {"type": "array", "minItems": 200, "items": {}}},
    {"type": "object", "minProperties": 10**9},
]


@pytest.mark.parametrize("schema", ENDLESS)
def test_what_never_ends_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaTooComplex):
        SchemaFiller(schema).fill()


ARGUMENTS = [
    ("weather in Paris", {"city": {"type": "string"}}, {"city": "Paris"}),
    ('find "two words" please', {"query": {"type": "string"}}, {"query": "two words"}),
    ("from Berlin to New York", {"a": {"type": "string"}, "b": {"type": "string"}},
     {"a": "Berlin", "b": "New York"}),
    ("add 3 and 4.5", {"a": {"type": "integer"}, "b": {"type": "number"}}, {"a": 3, "b": 4.5}),
    ("in celsius", {"unit": {"enum": ["fahrenheit", "celsius"]}}, {"unit": "celsius"}),
    ("on 2026-12-24", {"day": {"type": "string", "format": "date"}}, {"day": "2026-12-24"}),
    ("weather for a town", {"city": {"type": "string", "maxLength": 5}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "properties", "value"), ARGUMENTS)
def test_obvious_values_come_from_the_prompt(prompt: str, properties: Any, value: Any) -> None:
    schema = {"type": "object", "properties": properties}
    filled = SchemaFiller(schema, values=PromptValues(prompt)).fill()
    assert filled == value if value is not None else len(filled["city"]) <= 5
