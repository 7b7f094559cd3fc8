"""Tools, the choice among them, and their older forms."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.wire.dialect.openai import InvalidParameter
from support.chats import (
    FLASH_2_0,
    FLASH_2_5,
    FLASH_3,
    VECTORS,
    call,
    function,
    gemini,
    result,
    translated,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def declared(*tools: Any, model: str = FLASH_2_5) -> Any:
    return gemini({"model": model, "tools": list(tools)})["tools"]


def test_all_functions_stand_in_one_tool_in_their_order() -> None:
    found = declared(function("b", description="B"), function("a"), {"type": "google_search"})
    assert found == [
        {
            "functionDeclarations": [
                {"name": "b", "description": "B", "parametersJsonSchema": SCHEMA},
                {"name": "a", "parametersJsonSchema": SCHEMA},
            ]
        },
        {"googleSearch": {}},
    ]


def test_before_2_5_parameters_are_in_geminis_own_form() -> None:
    (tool,) = declared(function(), model=FLASH_2_0)
    assert tool["functionDeclarations"][0]["parameters"] == {
        "type": "OBJECT",
        "properties": {"a": {"type": "INTEGER"}},
    }


def test_of_two_functions_with_one_name_the_last_counts() -> None:
    (tool,) = declared(
        function("f", description="1"), function("g"), function("f", description="2")
    )
    names = [(each["name"], each.get("description")) for each in tool["functionDeclarations"]]
    assert names == [("g", None), ("f", "2")]


@pytest.mark.parametrize(
    "parameters", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}]
)
@pytest.mark.parametrize("model", [FLASH_2_5, FLASH_2_0])
def test_a_function_without_parameters_says_nothing_of_them(parameters: Any, model: str) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    assert declared(tool, model=model) == [{"functionDeclarations": [{"name": "f"}]}]


@pytest.mark.parametrize(
    ("tool", "sent"),
    [
        ({"type": "google_search"}, {"googleSearch": {}}),
        ({"type": "code_execution"}, {"codeExecution": {}}),
        ({"type": "url_context"}, {"urlContext": {}}),
        (
            {"type": "google_maps", "google_maps": {"enableWidget": True}},
            {"googleMaps": {"enableWidget": True}},
        ),
        ({"googleSearch": {}}, {"googleSearch": {}}),
        ({"code_execution": {}}, {"codeExecution": {}}),
    ],
)
def test_the_services_own_tools(tool: Any, sent: Any) -> None:
    assert declared(tool) == [sent]


def test_functions_beside_the_services_tools_are_announced_on_gemini_3() -> None:
    body = {"model": FLASH_3, "tools": [function(), {"type": "google_search"}]}
    assert gemini(body)["toolConfig"] == {"includeServerSideToolInvocations": True}
    assert "toolConfig" not in gemini(body, is_vertex=True)


def test_web_search_is_google_search() -> None:
    assert gemini({"web_search_options": {}})["tools"] == [{"googleSearch": {}}]
    both = {"web_search_options": {}, "tools": [function()]}
    assert len(gemini({"model": FLASH_3, **both})["tools"]) == 2
    with pytest.raises(InvalidParameter, match="cannot go with functions"):
        gemini(both)


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    tool = {"type": "custom", "custom": {"name": "sh", "description": "D"}}
    request = translated({"tools": [tool]})
    (sent,) = gemini({"tools": [tool]})["tools"][0]["functionDeclarations"]
    assert sent["parametersJsonSchema"]["properties"] == {"input": {"type": "string"}}
    assert request.wishes.custom_tools == {"sh"}


def test_names_gemini_refuses_are_changed_there_and_in_the_history() -> None:
    body = {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "tool_calls": [call("a", "get weather!")]},
            result("a"),
        ],
        "tools": [function("get weather!"), function("get_weather_")],
        "tool_choice": {"type": "function", "function": {"name": "get weather!"}},
    }
    sent, request = gemini(body), translated(body)
    name = sent["tools"][0]["functionDeclarations"][0]["name"]
    assert name != "get_weather_"
    assert request.wishes.tool_names == {name: "get weather!"}
    assert sent["contents"][1]["parts"][0]["functionCall"]["name"] == name
    assert sent["contents"][2]["parts"][0]["functionResponse"]["name"] == name
    assert sent["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == [name]


ONE = {"type": "function", "function": {"name": "f"}}


def allowed(mode: str) -> Any:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [ONE]}}


CHOICES: list[tuple[Any, Any]] = [
    (None, None),
    ("auto", None),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    (ONE, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ({"type": "function", "name": "f"}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    (allowed("required"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    (allowed("auto"), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
    ({"type": "google_search"}, None),
]


@pytest.mark.parametrize(("choice", "config"), CHOICES)
def test_the_choice_among_tools(choice: Any, config: Any) -> None:
    body = gemini({"tools": [function("f"), function("g")], "tool_choice": choice})
    assert body.get("toolConfig", {}).get("functionCallingConfig") == config
    assert len(body["tools"][0]["functionDeclarations"]) == 2


@pytest.mark.parametrize("choice", [choice for choice, _ in CHOICES])
def test_without_functions_there_is_no_choice(choice: Any) -> None:
    case = VECTORS["TV-11"]
    assert gemini({**case["in"], "tool_choice": choice})["tools"] == case["out"]["tools"]
    assert "toolConfig" not in gemini({**case["in"], "tool_choice": choice})


def test_allowed_tools_as_the_vector() -> None:
    case = VECTORS["TV-10"]
    assert gemini({"tools": [function()], **case["in"]})["toolConfig"] == case["out"]["toolConfig"]


def test_a_model_that_cannot_be_held_to_some_tools_is_shown_no_others() -> None:
    tools = [function("f"), function("g")]
    body = gemini({"model": FLASH_2_0, "tools": tools, "tool_choice": allowed("auto")})
    assert [each["name"] for each in body["tools"][0]["functionDeclarations"]] == ["f"]
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("model", "option", "mode"),
    [(FLASH_2_5, True, "VALIDATED"), (FLASH_2_5, False, None), (FLASH_2_0, True, None)],
)
def test_a_strict_function_has_its_arguments_validated(model: str, option: bool, mode: Any) -> None:
    tools = [function("f", strict=True)]
    body = gemini({"model": model, "tools": tools}, is_validated_when_strict=option)
    assert body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode") == mode


def test_the_legacy_form() -> None:
    legacy = {"functions": [{"name": "f", "parameters": SCHEMA}], "function_call": {"name": "f"}}
    newer = {"tools": [function("f")], "tool_choice": ONE}
    assert gemini(legacy) == gemini(newer)
    assert translated(legacy).dropped == ()


@pytest.mark.parametrize(("value", "is_one"), [(False, True), (True, False), (None, False)])
def test_one_call_at_a_time(value: Any, is_one: bool) -> None:
    assert translated({"parallel_tool_calls": value}).wishes.is_one_call is is_one


REFUSED: list[tuple[Any, str]] = [
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{}]}, "tools[0].type"),
    ({"tools": [{"type": "file_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]},
        "tools[0].function.parameters",
    ),
    ({"tools": [function()], "tool_choice": "any"}, "tool_choice"),
    (
        {"tools": [function()], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice.function.name",
    ),
    ({"tools": [function()], "tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"functions": [{}]}, "functions[0].function.name"),
]


@pytest.mark.parametrize(("body", "param"), REFUSED)
def test_a_tool_that_cannot_be_declared_is_refused_by_its_place(body: Any, param: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        gemini(body)
    assert caught.value.param == param
