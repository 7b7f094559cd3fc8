"""A type hint → its JSON Schema, and the value it makes of an argument.

Strategy. msgspec knows the types of the language, dataclasses, TypedDicts, enums and its own. A
hint that names something of pydantic is pydantic's to read, which its program has loaded then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, get_args

import msgspec

from ...errors import InvalidRequest
from ...wire.codec import JSONObject

__all__ = ("ArgumentType", "argument_type")

_THEIRS = ("__pydantic_core_schema__", "__get_pydantic_core_schema__")
_TYPE_NAMES = {str: "string", int: "integer"}
_THEIR_NOTES = ("pydantic", "annotated_types")


class ArgumentType(msgspec.Struct, frozen=True):
    """``schema`` holds its ``$defs``; ``convert`` raises InvalidRequest for what does not fit."""

    schema: JSONObject
    convert: Callable[[Any], Any]


def argument_type(hint: Any) -> ArgumentType:
    """Return what ``hint`` means; raises InvalidRequest for one that has no JSON Schema."""
    pydantic: Any = sys.modules.get("pydantic")
    try:
        if pydantic is not None and _is_theirs(hint):
            return _by_pydantic(pydantic.TypeAdapter(hint))
        return ArgumentType(_typed(msgspec.json.schema(hint)), _converter(hint))
    except Exception as error:  # what a schema hook of the program raises is its own
        why = (str(error) or type(error).__name__).strip().splitlines()[-1]
        raise InvalidRequest(f"the type {_shown(hint)} has no JSON Schema: {why}") from None


def _is_theirs(hint: Any) -> bool:
    if any(hasattr(hint, name) for name in _THEIRS):
        return True
    if type(hint).__module__.partition(".")[0] in _THEIR_NOTES:  # as Field(…) in Annotated
        return True
    return any(_is_theirs(inner) for inner in get_args(hint))


def _typed(plain: Any) -> Any:
    """Return the schema with the type of each enum of texts or numbers, which msgspec leaves out.

    The service wants every schema to have one.
    """
    if isinstance(plain, list):
        return [_typed(inner) for inner in plain]
    if not isinstance(plain, dict):
        return plain
    typed = {key: _typed(inner) for key, inner in plain.items()}
    values = typed.get("enum")
    if isinstance(values, list) and "type" not in typed:
        kinds = {type(value) for value in values}
        if len(kinds) == 1 and (name := _TYPE_NAMES.get(kinds.pop())):
            typed["type"] = name
    return typed


def _converter(hint: Any) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        try:
            return msgspec.convert(value, hint)
        except msgspec.ValidationError as error:
            try:  # models write "3" and 3.0 for 3; what fits as it is stays as it is
                return msgspec.convert(value, hint, strict=False)
            except msgspec.ValidationError:
                raise InvalidRequest(str(error)) from None

    return convert


def _by_pydantic(adapter: Any) -> ArgumentType:
    def convert(value: Any) -> Any:
        try:
            return adapter.validate_python(value)
        except ValueError as error:  # pydantic's ValidationError is one
            raise InvalidRequest(_told(error)) from None

    return ArgumentType(adapter.json_schema(), convert)


def _told(error: Any) -> str:
    """Return pydantic's findings in one line each, without its links and inputs."""
    if not hasattr(error, "errors"):
        return str(error)
    found = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
    return "; ".join(f"{said} - at {place!r}" if place else said for place, said in found)


def _shown(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) else str(hint)
