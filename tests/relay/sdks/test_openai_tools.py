"""Functions through the ``openai`` SDK: called, answered, several at once, with signatures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from relay.sdks.openai_sdk import openai_face, tool
from support.relay_server import RelayServer, twice
from support.relayed import MODEL
from support.sdk_face import FACES, Face

# It insists on the signatures of its own calls.
STRICT = "gemini-3.8-flash"
ADD = tool("add", first="integer", second="integer")
MULTIPLY = tool("multiply", first="integer", second="integer")
TOOLS = [ADD, MULTIPLY]
WAYS = ("whole", "streamed")


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, house: RelayServer) -> AsyncIterator[Face]:
    async with openai_face(request.param, house) as face:
        yield face


async def _message(face: Face, way: str, messages: list[Any], **fields: Any) -> Any:
    """Return the assistant's message, folded by the SDK's own helper when it is streamed."""
    asked = {"model": MODEL, "messages": messages, "tools": TOOLS, **fields}
    if way == "whole":
        completion = await face.call(lambda client: client.chat.completions.create(**asked))
    else:
        _, completion = await face.follow(
            lambda client: client.chat.completions.stream(**asked), "get_final_completion"
        )
    (choice,) = completion.choices
    assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop")
    return choice.message


def _calls(message: Any) -> list[tuple[str, Any]]:
    called = [call.function for call in message.tool_calls]
    return [(function.name, json.loads(function.arguments)) for function in called]


def _answered(message: Any, *results: str) -> list[dict[str, Any]]:
    """Return what a program says next: the message as the SDK gave it, and the results."""
    calls = zip(message.tool_calls, results, strict=True)
    return [
        message.to_dict(),
        *({"role": "tool", "tool_call_id": call.id, "content": said} for call, said in calls),
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", [MODEL, STRICT])
async def test_a_round_trip(face: Face, way: str, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    message = await _message(face, way, messages, model=model)
    assert _calls(message) == [("add", {"first": 3, "second": 4})]
    messages += _answered(message, "7")
    answer = await _message(face, way, messages, model=model)
    assert answer.content == "The function add returned 7."


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", [MODEL, STRICT])
async def test_calls_side_by_side(face: Face, house: RelayServer, way: str, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "add and multiply 3 and 4"}]
    message = await _message(face, way, messages, model=model)
    assert [name for name, _ in _calls(message)] == ["add", "multiply"]
    assert len({call.id for call in message.tool_calls}) == 2
    messages += _answered(message, "7", "12")
    answer = await _message(face, way, messages, model=model)
    assert "add returned" in answer.content and "multiply returned" in answer.content
    roles = [turn["role"] for turn in house.emulator.requests[-1].json["contents"]]
    assert roles == ["user", "model", "user"]


@pytest.mark.parametrize("way", WAYS)
async def test_one_function_twice(face: Face, house: RelayServer, way: str) -> None:
    """Gemini 3 knows calls by their ids, which come back; what has none is paired by order."""
    house.emulator.script = twice("add")
    message = await _message(face, way, [{"role": "user", "content": "both"}], model=STRICT)
    assert _calls(message) == [
        ("add", {"first": 1, "second": 2}),
        ("add", {"first": 3, "second": 4}),
    ]
    messages = [{"role": "user", "content": "both"}, *_answered(message, "3", "7")]
    answer = await _message(face, way, messages, model=STRICT)
    assert answer.content.count("The function add returned") == 2
    parts = house.emulator.requests[-1].json["contents"][-1]["parts"]
    assert [part["functionResponse"]["id"] for part in parts] == ["call-1", "call-2"]


async def test_the_pieces_of_calls_keep_their_index(face: Face, house: RelayServer) -> None:
    house.emulator.script = twice("add")
    chunks = await face.read(
        lambda client: client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "both"}], tools=TOOLS, stream=True
        )
    )
    deltas = [
        call
        for chunk in chunks
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
    ]
    assert [call.index for call in deltas if call.id] == [0, 1]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][
        -1
    ] == "tool_calls"


@pytest.mark.parametrize("way", WAYS)
async def test_signatures_survive_two_rounds(face: Face, way: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    for result in ("7", "7"):
        message = await _message(face, way, messages, model=STRICT)
        messages += _answered(message, result)
        answer = await _message(face, way, messages, model=STRICT)
        messages += [answer.to_dict(), {"role": "user", "content": "now multiply 3 and 4"}]
    assert answer.content == "The function multiply returned 7."


async def test_a_program_that_strips_what_it_does_not_know(face: Face) -> None:
    """Only the id is left of the call, as most frameworks keep it: the signature is found by it."""
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    message = await _message(face, "whole", messages, model=STRICT)
    (call,) = message.tool_calls
    function = {"name": call.function.name, "arguments": call.function.arguments}
    bare = {"id": call.id, "type": "function", "function": function}
    messages += [
        {"role": "assistant", "tool_calls": [bare]},
        {"role": "tool", "tool_call_id": call.id, "content": "7"},
    ]
    answer = await _message(face, "whole", messages, model=STRICT)
    assert answer.content == "The function add returned 7."


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["add"]),
        ({"type": "function", "function": {"name": "multiply"}}, ["multiply"]),
        ("none", []),
    ],
)
async def test_the_choice_of_tools(face: Face, choice: Any, names: list[str]) -> None:
    completion = await face.call(
        lambda client: client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Hello 3 and 4"}],
            tools=TOOLS,
            tool_choice=choice,
        )
    )
    calls = completion.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == names
