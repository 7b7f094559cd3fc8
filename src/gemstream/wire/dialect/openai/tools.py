"""``tools``, ``tool_choice`` and their older forms → Gemini's ``tools`` and ``toolConfig``.

Source: https://platform.openai.com/docs/api-reference/chat/create, tools.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...codec import JSONObject
from ..json_schema import to_json_schema
from ..openapi_schema import to_openapi_schema
from ..tool_name import ToolNames
from .fields import Fields
from .options import ChatOptions

__all__ = ("BUILT_IN", "Function", "Tools", "read_tools")

BUILT_IN = {
    "google_search": "googleSearch",
    "code_execution": "codeExecution",
    "url_context": "urlContext",
    "google_maps": "googleMaps",
}
_KINDS = ("function", "custom", *BUILT_IN)
_CUSTOM_PARAMETERS: JSONObject = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """One declared function, by the caller's name of it."""

    name: str
    description: str | None = None
    parameters: JSONObject | None = None
    is_strict: bool = False
    is_custom: bool = False


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """The tools of a request: functions in their order, and the service's own."""

    functions: tuple[Function, ...] = ()
    built_in: tuple[JSONObject, ...] = ()

    @property
    def names(self) -> list[str]:
        """The caller's names of the functions."""
        return [function.name for function in self.functions]

    def declarations(self, names: ToolNames, options: ChatOptions) -> list[JSONObject]:
        """Return Gemini's ``tools``: one entry for all functions, one for each other tool."""
        functions = [_declaration(function, names, options) for function in self.functions]
        return [*([{"functionDeclarations": functions}] if functions else []), *self.built_in]


def read_tools(body: Fields, options: ChatOptions) -> Tools:
    """Return the tools of ``body``; of two functions with one name the last counts."""
    functions: dict[str, Function] = {}
    built_in = []
    for tool in [*body.objects("tools"), *_legacy(body)]:
        kind = _kind(tool)
        if kind in BUILT_IN:
            settings = tool.object(kind) or tool.object(BUILT_IN[kind])
            built_in.append({BUILT_IN[kind]: settings.plain if settings else {}})
            continue
        function = _function(tool, kind, options)
        functions.pop(function.name, None)
        functions[function.name] = function
    if body.object("web_search_options") is not None:
        if functions and not options.traits.mixes_tools:
            raise body.fault(
                "web_search_options",
                f"cannot go with functions on {options.model}: leave one of them out, or ask a "
                "Gemini 3 model",
            )
        built_in.append({"googleSearch": {}})
    return Tools(functions=tuple(functions.values()), built_in=tuple(built_in))


def _kind(tool: Fields) -> str:
    kind = tool.choice("type", _KINDS)
    if kind is None:
        # As other gateways take Gemini's own tools: {"googleSearch": {}}.
        for name, native in BUILT_IN.items():
            if tool.value(name) is not None or tool.value(native) is not None:
                return name
        raise tool.missing("type", "'function'")
    return kind


def _legacy(body: Fields) -> list[Fields]:
    functions = body.objects("functions")
    return [Fields({"type": "function", "function": f.plain}, f.path) for f in functions]


def _function(tool: Fields, kind: str, options: ChatOptions) -> Function:
    fields = tool.object(kind)
    if fields is None:
        raise tool.missing(kind, '{"name": "get_weather", …}')
    name = fields.text("name")
    if not name:
        raise fields.missing("name", "'get_weather'")
    if kind == "custom":
        return Function(
            name=name,
            description=fields.text("description"),
            parameters=_schema(_CUSTOM_PARAMETERS, options),
            is_custom=True,
        )
    with fields.blamed("parameters"):
        parameters = _parameters(fields.value("parameters"), options)
    return Function(
        name=name,
        description=fields.text("description"),
        parameters=parameters,
        is_strict=bool(fields.flag("strict")),
    )


def _parameters(schema: Any, options: ChatOptions) -> JSONObject | None:
    """Return the schema for Gemini, None for a function without parameters."""
    if schema is None:
        return None
    converted = _schema(schema, options)
    # A reference, or a choice between objects, has its properties elsewhere.
    has_some = any(converted.get(key) for key in ("properties", "$ref", "anyOf", "oneOf"))
    return converted if has_some else None


def _schema(schema: Any, options: ChatOptions) -> JSONObject:
    if options.traits.takes_json_schema:
        return to_json_schema(schema)
    return to_openapi_schema(schema, is_vertex=options.is_vertex)


def _declaration(function: Function, names: ToolNames, options: ChatOptions) -> JSONObject:
    declaration: JSONObject = {"name": names.upstream(function.name)}
    if function.description:
        declaration["description"] = function.description
    if function.parameters is not None:
        form = "parametersJsonSchema" if options.traits.takes_json_schema else "parameters"
        declaration[form] = function.parameters
    return declaration
