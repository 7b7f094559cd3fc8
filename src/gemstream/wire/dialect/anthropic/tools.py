"""The tools of a request and how they are to be used → Gemini's ``tools`` and ``toolConfig``.

Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview.
"""

from __future__ import annotations

from ....errors import InvalidRequest
from ...codec import JSONObject
from ..json_schema import to_json_schema
from ..openapi_schema import to_openapi_schema
from ..tool_name import ToolNames
from .fields import Fields
from .known_tools import KNOWN_TOOLS, known_tool
from .options import MessagesOptions
from .report import Report

__all__ = ("ToolReader",)

_WEB_SEARCH = "web_search_"
_CHOICES = ("auto", "any", "tool", "none")


class ToolReader:
    """Reads ``tools`` and ``tool_choice``; raises InvalidRequest with the place of what is wrong.

    ``names``: those of the declared functions, and with the history's all of the request.
    ``is_one_call``: parallel tool use was disabled.
    """

    __slots__ = (
        "_functions",
        "_has_search",
        "_is_any_strict",
        "_options",
        "_report",
        "is_one_call",
        "names",
    )

    def __init__(self, options: MessagesOptions, report: Report) -> None:
        self._options = options
        self._report = report
        self._functions: dict[str, JSONObject] = {}
        self._has_search = False
        self._is_any_strict = False
        self.names = ToolNames()
        self.is_one_call = False

    @property
    def has_functions(self) -> bool:
        """True when a function is declared."""
        return bool(self._functions)

    @property
    def changed_names(self) -> dict[str, str]:
        """The caller's name of each declared function that has another one upstream."""
        callers = {name: self.names.caller(name) for name in self._functions}
        return {sent: name for sent, name in callers.items() if sent != name}

    def read(self, body: Fields) -> JSONObject:
        """Return ``tools`` and ``toolConfig``, without the one there is nothing to say about."""
        tools = body.objects("tools")
        self.names = ToolNames(name for tool in tools if (name := tool.text("name")))
        for tool in tools:
            self._read_tool(tool)
        if self._has_search and self.has_functions and not self._options.traits.mixes_tools:
            raise body.fault(
                "tools",
                f"{self._options.model} takes either web_search or tools of your own; leave one "
                "out, or ask Gemini 3",
            )
        config = self._config(body.object("tool_choice"))
        listed: list[JSONObject] = []
        if self._functions:
            listed.append({"functionDeclarations": list(self._functions.values())})
        if self._has_search:
            listed.append({"googleSearch": {}})
        found: JSONObject = {"tools": listed, "toolConfig": config}
        return {name: value for name, value in found.items() if value}

    def _read_tool(self, tool: Fields) -> None:
        kind = tool.text("type")
        if kind is None or kind == "custom":
            self._declare(tool, tool.text("description"), tool.required_object(*_SCHEMA))
        elif kind.startswith(_WEB_SEARCH):
            tool.text("name")
            self._has_search = True
        elif (known := known_tool(kind, tool)) is not None:
            schema = Fields(known["input_schema"], tool.place("input_schema"))
            self._declare(tool, known["description"], schema)
        else:
            raise tool.fault(
                "type",
                f"{kind[:60]!r} is a tool that Gemini has no counterpart for; use tools of your "
                f"own, or those that begin with {', '.join([*KNOWN_TOOLS, _WEB_SEARCH])}",
            )
        self._report.drop_unread(tool, "tools")

    def _declare(self, tool: Fields, description: str | None, schema: Fields) -> None:
        name = self.names.upstream(tool.filled_text("name", "'get_weather'"))
        declaration: JSONObject = {"name": name}
        if description:
            declaration["description"] = description
        if schema.value("properties"):  # Gemini wants none rather than an empty one
            declaration |= self._parameters(tool, schema)
        self._is_any_strict = bool(tool.flag("strict")) or self._is_any_strict
        self._functions[name] = declaration  # the last one of a name counts

    def _parameters(self, tool: Fields, schema: Fields) -> JSONObject:
        plain = schema.plain
        try:
            if self._options.traits.takes_json_schema:
                return {"parametersJsonSchema": to_json_schema(plain)}
            return {"parameters": to_openapi_schema(plain, is_vertex=self._options.is_vertex)}
        except InvalidRequest as error:
            raise tool.fault("input_schema", str(error)) from None

    def _config(self, choice: Fields | None) -> JSONObject:
        kind = "auto"
        if choice is not None:
            kind = choice.choice("type", _CHOICES) or ""
            if not kind:
                raise choice.missing("type", "'auto'")
            self.is_one_call = bool(choice.flag("disable_parallel_tool_use"))
            choice.text("name")
        if not self._functions:  # the service refuses a config for functions without functions
            return {}
        calling: JSONObject = {}
        match kind:
            case "none":
                calling = {"mode": "NONE"}
            case "any":
                calling = {"mode": "ANY"}
            case "tool" if choice is not None:
                calling = {"mode": "ANY", "allowedFunctionNames": [self._chosen(choice)]}
            case _ if self._validates:
                calling = {"mode": "VALIDATED"}
        return self._beside_search({"functionCallingConfig": calling} if calling else {})

    @property
    def _validates(self) -> bool:
        wanted = self._is_any_strict and self._options.is_validated_when_strict
        return wanted and self._options.traits.validates_calls

    def _chosen(self, choice: Fields) -> str:
        wanted = choice.filled_text("name", "'get_weather'")
        name = self.names.upstream(wanted)
        if name not in self._functions:
            raise choice.fault("name", f"no tool of your own is named {wanted[:80]!r}")
        return name

    def _beside_search(self, config: JSONObject) -> JSONObject:
        if self._has_search and not self._options.is_vertex:
            # Without it the Gemini API refuses functions beside tools of its own.
            return {**config, "includeServerSideToolInvocations": True}
        return config


_SCHEMA = ("input_schema", '{"type": "object", "properties": {…}}')
