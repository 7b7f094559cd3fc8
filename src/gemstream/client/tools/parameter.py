"""The parameters of a function, as the model is to know them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from ...errors import InvalidRequest
from ...wire.codec import JSONObject
from .argument_type import ArgumentType, argument_type
from .plain_value import plain_value

__all__ = ("Parameter", "parameters_of", "schema_of")

_NO_DEFAULT = inspect.Parameter.empty
_REFUSED = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only, but the model passes names; "
    "take the / out of the signature",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of arguments; use a list, as "
    "'names: list[str]'",
    inspect.Parameter.VAR_KEYWORD: "takes arguments of any name; name each, or use a dict",
}
_REF = "#/$defs/"


class Parameter(msgspec.Struct, frozen=True):
    """One parameter; ``description`` is "" when nothing tells it."""

    name: str
    type: ArgumentType
    default: Any = _NO_DEFAULT
    description: str = ""

    @property
    def is_required(self) -> bool:
        """True when the function has no default for it."""
        return self.default is _NO_DEFAULT


def parameters_of(
    function: Callable[..., Any], texts: Mapping[str, str], *, what: str
) -> tuple[Parameter, ...]:
    """Return the parameters; ``texts`` tells of them where their hints do not.

    Raises InvalidRequest for one that a model could not give. ``what`` names the function in it.
    """
    try:
        signature = inspect.signature(function)
        hints = typing.get_type_hints(_hinted(function), include_extras=True)
    except Exception as error:  # a hint in quotes is evaluated: it may raise anything
        raise InvalidRequest(
            f"{what} has hints that cannot be read: {error}; import what they name where the "
            "function is defined, not for the type checker alone"
        ) from None
    return tuple(
        _parameter(one, hints, texts, what=f"{what}: parameter {one.name!r}")
        for one in signature.parameters.values()
    )


def schema_of(parameters: Iterable[Parameter], *, what: str) -> JSONObject | None:
    """Return the JSON Schema of an object of these, None for none; raises InvalidRequest."""
    properties: JSONObject = {}
    definitions: JSONObject = {}
    required: list[str] = []
    for one in parameters:
        schema = _with_notes(one)
        for name, definition in schema.pop("$defs", {}).items():
            if definitions.setdefault(name, definition) != definition:
                raise InvalidRequest(f"{what} has two types named {name!r}; rename one of them")
        properties[one.name] = schema
        if one.is_required:
            required.append(one.name)
    if not properties:
        return None
    schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {**schema, "$defs": definitions} if definitions else schema


def _hinted(function: Callable[..., Any]) -> Any:
    """Return what carries the hints: of an object that can be called, its method."""
    return function if inspect.isroutine(function) else type(function).__call__


def _parameter(
    given: inspect.Parameter, hints: Mapping[str, Any], texts: Mapping[str, str], *, what: str
) -> Parameter:
    if given.kind in _REFUSED:
        raise InvalidRequest(f"{what} {_REFUSED[given.kind]}")
    if given.name not in hints:
        bound = "; pass the method of an object" if given.name in ("self", "cls") else ""
        raise InvalidRequest(
            f"{what} has no type hint, which tells the model what to pass; add one, as "
            f"'{given.name}: str'{bound}"
        )
    hint = hints[given.name]
    try:
        kind = argument_type(hint)
    except InvalidRequest as error:
        raise InvalidRequest(f"{what}: {error}") from None
    description = _note(hint) or texts.get(given.name, "")
    return Parameter(given.name, kind, given.default, description)


def _note(hint: Any) -> str:
    """Return text that stands in ``Annotated`` by itself; a Meta's is in the schema already."""
    if typing.get_origin(hint) is not typing.Annotated:
        return ""
    return next((note for note in hint.__metadata__ if isinstance(note, str)), "")


def _with_notes(parameter: Parameter) -> JSONObject:
    """Return the schema with description and default, which may not stand beside a ``$ref``."""
    schema = _inlined(parameter.type.schema)
    if parameter.description and "description" not in parameter.type.schema:
        schema["description"] = parameter.description
    if not parameter.is_required and parameter.default is not None:
        # A default that cannot be told is one all the same: the argument is not required.
        with suppress(InvalidRequest):
            schema["default"] = plain_value(parameter.default)
    return schema


def _inlined(schema: JSONObject) -> JSONObject:
    """Return the schema with its own definition in the place of its reference to it."""
    reference = schema.get("$ref", "")
    if not reference.startswith(_REF):
        return dict(schema)
    name = reference.removeprefix(_REF)
    rest = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
    definitions = schema["$defs"]
    if not _refers(definitions, reference):
        definitions = {key: value for key, value in definitions.items() if key != name}
    inlined = {**schema["$defs"][name], **rest}
    return {**inlined, "$defs": definitions} if definitions else inlined


def _refers(plain: Any, reference: str) -> bool:
    if isinstance(plain, dict):
        return plain.get("$ref") == reference or any(
            _refers(inner, reference) for inner in plain.values()
        )
    return isinstance(plain, list) and any(_refers(inner, reference) for inner in plain)
