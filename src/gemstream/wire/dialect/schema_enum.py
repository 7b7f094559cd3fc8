"""``enum`` and ``const`` of JSON Schema → the enumerations of Gemini's ``Schema``: text only."""

from __future__ import annotations

from typing import Any

from ..codec import JSONObject, encode
from .schema_source import described

__all__ = ("without_foreign_enum",)

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),  # before int, which a bool is too
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (dict, "object"),
    (list, "array"),
)
_TEXT = (None, "string")


def without_foreign_enum(schema: JSONObject) -> JSONObject:
    """Return ``schema`` with an enumeration of text, or with one told in its description.

    Null among the values becomes ``nullable``; an empty text is refused by the service, so it goes.
    """
    schema = _const_as_enum(schema)
    values = schema.get("enum")
    if not isinstance(values, list):
        return schema
    rest = {key: value for key, value in schema.items() if key != "enum"}
    if None in values:
        rest["nullable"] = True
    values = [value for value in values if value is not None and value != ""]
    if not values:
        return rest
    if schema.get("type") in _TEXT:
        return {**rest, "type": "string", "enum": [_text(value) for value in values]}
    return described(rest, ["one of " + ",".join(_text(value) for value in values)])


def _const_as_enum(schema: JSONObject) -> JSONObject:
    if "const" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "const"}
    value = schema["const"]
    kind = next((name for known, name in _TYPES if isinstance(value, known)), "string")
    rest.setdefault("type", kind)
    if rest["type"] == "string" or value is None:
        return {**rest, "enum": [value]}
    return described(rest, [f"const {_text(value)}"])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else encode(value).decode()
