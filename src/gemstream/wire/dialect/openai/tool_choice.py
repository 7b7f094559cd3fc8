"""``tool_choice`` and ``function_call`` → Gemini's ``functionCallingConfig``."""

from __future__ import annotations

from typing import Any

import msgspec

from ...codec import JSONObject
from ..tool_name import ToolNames
from .fields import Fields
from .options import ChatOptions
from .tools import BUILT_IN, Tools

__all__ = ("calling_config", "chosen_tools")

_WORDS = ("none", "auto", "required")
_MODES = {"none": "NONE", "required": "ANY"}


class _Choice(msgspec.Struct, frozen=True):
    """``word`` of ``_WORDS``; ``names``, when given, are the only functions allowed."""

    word: str
    names: tuple[str, ...] | None = None


def chosen_tools(body: Fields, tools: Tools, options: ChatOptions) -> Tools:
    """Return the tools to declare: fewer, where the model cannot be held to some of them."""
    choice = _read(body, tools)
    if choice.word != "auto" or choice.names is None or options.traits.validates_calls:
        return tools
    functions = [function for function in tools.functions if function.name in choice.names]
    return msgspec.structs.replace(tools, functions=tuple(functions))


def calling_config(
    body: Fields, tools: Tools, names: ToolNames, options: ChatOptions
) -> JSONObject | None:
    """Return the functionCallingConfig, None to leave the choice to the service.

    Gemini refuses one without functions, and AUTO with a list of names.
    """
    choice = _read(body, tools)
    if not tools.functions:
        return None
    allowed = {} if choice.names is None else {"allowedFunctionNames": _upstream(choice, names)}
    if choice.word in _MODES:
        return {"mode": _MODES[choice.word], **allowed}
    if not options.traits.validates_calls:
        return None
    is_strict = any(function.is_strict for function in tools.functions)
    if allowed or (is_strict and options.is_validated_when_strict):
        return {"mode": "VALIDATED", **allowed}
    return None


def _upstream(choice: _Choice, names: ToolNames) -> list[str]:
    return [names.upstream(name) for name in choice.names or ()]


def _read(body: Fields, tools: Tools) -> _Choice:
    for field in ("tool_choice", "function_call"):
        value = body.value(field)
        if isinstance(value, str):
            return _Choice(body.choice(field, _WORDS) or "auto")
        if value is not None:
            return _read_object(body, field, tools)
    return _Choice("auto")


def _read_object(body: Fields, field: str, tools: Tools) -> _Choice:
    choice = Fields.of(body.value(field), body.place(field))
    if field == "function_call":
        return _Choice("required", (_name(choice, tools),))
    kind = choice.choice("type", ("function", "custom", "allowed_tools", *BUILT_IN))
    if kind in BUILT_IN:
        return _Choice("auto")  # the service's own tools run when the model wants them
    if kind == "allowed_tools":
        allowed = choice.object("allowed_tools") or choice
        word = allowed.choice("mode", ("auto", "required")) or "auto"
        entries = allowed.objects("tools")
        return _Choice(word, tuple(_named(entry, tools) for entry in entries))
    return _Choice("required", (_named(choice, tools),))


def _named(entry: Fields, tools: Tools) -> str:
    kind: Any = entry.choice("type", ("function", "custom")) or "function"
    return _name(entry.object(kind) or entry, tools)


def _name(fields: Fields, tools: Tools) -> str:
    name = fields.text("name")
    if not name:
        raise fields.missing("name", "that of a function in tools")
    if tools.functions and name not in tools.names:
        known = ", ".join(tools.names)
        raise fields.fault("name", f"is {name[:80]!r}, which tools lacks; it has {known}")
    return name
