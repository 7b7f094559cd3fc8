"""Tools and tool_choice of Anthropic's → Gemini's declarations and calling config."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.errors import InvalidRequest
from support.anthropic_requests import GEMINI_2, GEMINI_3, asked, options_for, sent

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
EMPTY = {"type": "object", "properties": {}}
F = {"name": "f", "input_schema": SCHEMA}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}


def declared(*tools: dict[str, Any], model: str = GEMINI_2) -> list[Any]:
    """The function declarations of ``tools``."""
    (tool,) = sent(model, tools=list(tools))["tools"]
    return list(tool["functionDeclarations"])


def calling(choice: Any, *tools: dict[str, Any], model: str = GEMINI_2, **fields: Any) -> Any:
    """The functionCallingConfig of ``choice``."""
    body = sent(model, tools=list(tools or (F,)), tool_choice=choice, **fields)
    return body.get("toolConfig", {}).get("functionCallingConfig")


def test_all_tools_are_declared_in_one_place_in_their_order() -> None:
    tools: list[dict[str, Any]] = [
        {
            **F,
            "description": "D",
            "cache_control": {"type": "ephemeral"},
            "defer_loading": True,
            "eager_input_streaming": True,
            "input_examples": [{}],
            "allowed_callers": ["direct"],
        },
        {"type": "custom", "name": "g", "input_schema": EMPTY},
    ]
    request = asked(tools=tools)
    assert request.dropped == ()
    assert declared(*tools) == [
        {"name": "f", "description": "D", "parametersJsonSchema": SCHEMA},
        {"name": "g"},
    ]


def test_the_last_tool_of_a_name_counts() -> None:
    assert declared(F, {"name": "f", "description": "E", "input_schema": EMPTY}) == [
        {"name": "f", "description": "E"}
    ]


def test_a_name_gemini_refuses_is_changed_and_told_to_the_encoder() -> None:
    tools = [{"name": "a b", "input_schema": EMPTY}, {"name": "a_b", "input_schema": EMPTY}]
    request = asked(tools=tools)
    assert [tool["name"] for tool in declared(*tools)] == ["a_b_2", "a_b"]
    assert request.wishes.tool_names == {"a_b_2": "a b"}


def test_older_models_get_a_schema_of_their_own_kind() -> None:  # TV-13
    properties = {
        "type": {"type": "string"},
        "$ref": {"type": "string"},
        "default": {"type": "boolean"},
        "format": {"type": "string", "format": "uuid"},
    }
    schema = {"type": "object", "properties": properties, "required": ["type", "$ref"]}
    (tool,) = declared({"name": "f", "input_schema": schema}, model="gemini-2.0-flash")
    assert tool["parameters"] == {
        "type": "OBJECT",
        "properties": {
            "type": {"type": "STRING"},
            "$ref": {"type": "STRING"},
            "default": {"type": "BOOLEAN"},
            "format": {"type": "STRING", "description": "(format uuid)"},
        },
        "required": ["type", "$ref"],
    }


@pytest.mark.parametrize(
    ("tool", "fields"),
    [
        ({"type": "bash_20250124", "name": "bash"}, {"command", "restart"}),
        (
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            {"command", "path", "old_str", "new_str", "view_range"},
        ),
        ({"type": "memory_20250818", "name": "memory"}, {"command", "old_path", "new_path"}),
        (
            {
                "type": "computer_20250124",
                "name": "computer",
                "display_width_px": 1280,
                "display_height_px": 800,
                "display_number": 1,
            },
            {"action", "coordinate", "text"},
        ),
    ],
)
def test_tools_whose_schema_claude_knows_are_declared_with_it(
    tool: dict[str, Any], fields: set[str]
) -> None:
    (found,) = declared(tool)
    assert found["name"] == tool["name"]
    assert found["description"]
    assert fields <= set(found["parametersJsonSchema"]["properties"])
    assert asked(tools=[tool]).dropped == ()


def test_only_the_older_editor_undoes() -> None:
    (older,) = declared({"type": "text_editor_20250124", "name": "str_replace_editor"})
    (newer,) = declared({"type": "text_editor_20250429", "name": "str_replace_based_edit_tool"})
    commands = [
        tool["parametersJsonSchema"]["properties"]["command"]["enum"] for tool in (older, newer)
    ]
    assert ["undo_edit" in known for known in commands] == [True, False]


def test_web_search_is_googles() -> None:
    request = asked(tools=[SEARCH], tool_choice={"type": "tool", "name": "web_search"})
    assert sent(tools=[SEARCH])["tools"] == [{"googleSearch": {}}]
    assert b"toolConfig" not in request.body  # TV-11: refused without declarations
    assert request.dropped == ("tools.max_uses",)


def test_web_search_stands_beside_functions_from_gemini_3_on() -> None:
    body = sent(GEMINI_3, tools=[SEARCH, F])
    assert [list(tool) for tool in body["tools"]] == [["functionDeclarations"], ["googleSearch"]]
    assert body["toolConfig"] == {"includeServerSideToolInvocations": True}
    vertex = sent(GEMINI_3, tools=[SEARCH, F], options=options_for(GEMINI_3, is_vertex=True))
    assert "toolConfig" not in vertex
    with pytest.raises(
        InvalidRequest, match=r"tools: gemini-2\.5-flash takes either web_search or"
    ):
        sent(GEMINI_2, tools=[SEARCH, F])


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (None, None),
        ({"type": "auto"}, None),
        ({"type": "any"}, {"mode": "ANY"}),
        ({"type": "tool", "name": "f"}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        ({"type": "none"}, {"mode": "NONE"}),
    ],
)
def test_a_choice_becomes(choice: Any, config: Any) -> None:
    assert calling(choice) == config


def test_a_chosen_tool_is_named_as_gemini_knows_it() -> None:
    tool = {"name": "a b", "input_schema": EMPTY}
    assert calling({"type": "tool", "name": "a b"}, tool)["allowedFunctionNames"] == ["a_b"]


def test_strict_tools_are_validated_where_the_model_can() -> None:
    strict = {**F, "strict": True}
    assert calling({"type": "auto"}, strict) == {"mode": "VALIDATED"}
    assert calling(None, strict, model="gemini-2.0-flash") is None
    off = options_for(is_validated_when_strict=False)
    assert calling(None, strict, options=off) is None
    assert calling({"type": "any"}, strict) == {"mode": "ANY"}


@pytest.mark.parametrize("kind", ["auto", "any"])
def test_disabled_parallel_use_is_a_wish_to_the_encoder(kind: str) -> None:
    choice = {"type": kind, "disable_parallel_tool_use": True}
    assert asked(tools=[F], tool_choice=choice).wishes.is_one_call
    assert not asked(tools=[F], tool_choice={"type": kind}).wishes.is_one_call


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"tools": [{"input_schema": SCHEMA}]}, r"tools\.0\.name: field required"),
        ({"tools": [{"name": "f"}]}, r"tools\.0\.input_schema: field required"),
        ({"tools": [{"name": "f", "input_schema": 1}]}, r"tools\.0\.input_schema: must be an obj"),
        (
            {"tools": [{"name": "f", "input_schema": {**SCHEMA, "allOf": [{"$ref": "#/x"}]}}]},
            r"tools\.0\.input_schema: ",
        ),
        ({"tools": {"name": "f"}}, "tools: must be an array"),
        (
            {"tools": [{"type": "code_execution_20250522", "name": "c"}]},
            r"tools\.0\.type: .*no counterpart",
        ),
        ({"tools": [{"type": "computer_20250124", "name": "c"}]}, "display_width_px"),
        ({"tools": [F], "tool_choice": {"type": "all"}}, r"tool_choice\.type: is 'all': "),
        ({"tools": [F], "tool_choice": {}}, r"tool_choice\.type: field required"),
        (
            {"tools": [F], "tool_choice": {"type": "tool", "name": "g"}},
            r"tool_choice\.name: no tool of your own is named 'g'",
        ),
    ],
)
def test_what_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        sent(**fields)
