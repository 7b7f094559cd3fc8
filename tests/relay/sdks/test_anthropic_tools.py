"""Tools through the ``anthropic`` SDK: called, answered, several at once, with signatures."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest

from relay.sdks.anthropic_sdk import anthropic_face, text_of, tool
from support.picture import png
from support.relay_server import RelayServer, twice
from support.relayed import MODEL
from support.sdk_face import FACES, Face

# It insists on the signatures of its own calls.
STRICT = "gemini-3.8-flash"
TOOLS = [
    tool("add", first="integer", second="integer"),
    tool("multiply", first="integer", second="integer"),
]
WAYS = ("whole", "streamed")
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, house: RelayServer) -> AsyncIterator[Face]:
    async with anthropic_face(request.param, house) as face:
        yield face


async def _message(face: Face, way: str, messages: list[Any], **fields: Any) -> Any:
    """Return the message, folded by the SDK's own helper when it is streamed."""
    asked = {"model": MODEL, "max_tokens": 4000, "messages": messages, "tools": TOOLS, **fields}
    if way == "whole":
        message = await face.call(lambda client: client.messages.create(**asked))
    else:
        _, message = await face.follow(
            lambda client: client.messages.stream(**asked), "get_final_message"
        )
    assert message.stop_reason == ("tool_use" if _uses(message) else "end_turn")
    return message


def _uses(message: Any) -> list[Any]:
    return [block for block in message.content if block.type == "tool_use"]


def _answered(message: Any, *results: str) -> list[dict[str, Any]]:
    """Return what a program says next: the blocks as the SDK gave them, and the results."""
    told = [
        {"type": "tool_result", "tool_use_id": use.id, "content": said}
        for use, said in zip(_uses(message), results, strict=True)
    ]
    content = [block.to_dict() for block in message.content]
    return [{"role": "assistant", "content": content}, {"role": "user", "content": told}]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", [MODEL, STRICT])
async def test_a_round_trip(face: Face, way: str, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    message = await _message(face, way, messages, model=model)
    assert [(use.name, use.input) for use in _uses(message)] == [("add", {"first": 3, "second": 4})]
    messages += _answered(message, "7")
    answer = await _message(face, way, messages, model=model)
    assert text_of(answer) == "The function add returned 7."


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", [MODEL, STRICT])
async def test_calls_side_by_side(face: Face, house: RelayServer, way: str, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "add and multiply 3 and 4"}]
    message = await _message(face, way, messages, model=model)
    assert [use.name for use in _uses(message)] == ["add", "multiply"]
    assert len({use.id for use in _uses(message)}) == 2
    messages += _answered(message, "7", "12")
    answer = text_of(await _message(face, way, messages, model=model))
    assert "add returned 7" in answer and "multiply returned 12" in answer
    roles = [turn["role"] for turn in house.emulator.requests[-1].json["contents"]]
    assert roles == ["user", "model", "user"]


@pytest.mark.parametrize("way", WAYS)
async def test_one_tool_twice(face: Face, house: RelayServer, way: str) -> None:
    house.emulator.script = twice("add")
    messages: list[Any] = [{"role": "user", "content": "both"}]
    message = await _message(face, way, messages, model=STRICT)
    assert [use.input for use in _uses(message)] == [
        {"first": 1, "second": 2},
        {"first": 3, "second": 4},
    ]
    answer = await _message(face, way, [*messages, *_answered(message, "3", "7")], model=STRICT)
    assert text_of(answer).count("The function add returned") == 2
    parts = house.emulator.requests[-1].json["contents"][-1]["parts"]
    assert [part["functionResponse"]["id"] for part in parts] == ["call-1", "call-2"]


@pytest.mark.parametrize("way", WAYS)
async def test_thoughts_and_signatures_over_two_turns(face: Face, way: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    for question in ("now multiply 3 and 4", "thank you"):
        message = await _message(face, way, messages, model=STRICT, thinking=THINKING)
        assert [block.type for block in message.content] == ["thinking", "tool_use"]
        messages += _answered(message, "7")
        answer = await _message(face, way, messages, model=STRICT, thinking=THINKING)
        content = [block.to_dict() for block in answer.content]
        messages += [
            {"role": "assistant", "content": content},
            {"role": "user", "content": question},
        ]
    assert text_of(answer) == "The function multiply returned 7."


async def test_a_program_that_keeps_no_thoughts(face: Face) -> None:
    """Only the id is left of the call: the signature is found by it."""
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    message = await _message(face, "whole", messages, model=STRICT, thinking=THINKING)
    assistant, results = _answered(message, "7")
    kept = [
        {name: block[name] for name in ("type", "id", "name", "input")}
        for block in assistant["content"]
        if block["type"] == "tool_use"
    ]
    messages += [{"role": "assistant", "content": kept}, results]
    answer = await _message(face, "whole", messages, model=STRICT)
    assert text_of(answer) == "The function add returned 7."


async def test_a_tool_that_failed(face: Face) -> None:
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    message = await _message(face, "whole", messages)
    assistant, results = _answered(message, "no more numbers")
    results["content"][0]["is_error"] = True
    answer = await _message(face, "whole", [*messages, assistant, results])
    assert text_of(answer) == "The function add failed: no more numbers."


async def test_a_picture_in_a_result(face: Face, house: RelayServer) -> None:
    messages: list[Any] = [{"role": "user", "content": "add 3 and 4"}]
    message = await _message(face, "whole", messages, model=STRICT)
    assistant, results = _answered(message, "")
    data = base64.b64encode(png(7, 3)).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    results["content"][0]["content"] = [
        {"type": "text", "text": "see"},
        {"type": "image", "source": source},
    ]
    await _message(face, "whole", [*messages, assistant, results], model=STRICT)
    assert data in house.emulator.requests[-1].body.decode()


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "any"}, ["add"]),
        ({"type": "tool", "name": "multiply"}, ["multiply"]),
        ({"type": "none"}, []),
        ({"type": "auto"}, []),
    ],
)
async def test_the_choice_of_tools(face: Face, choice: Any, names: list[str]) -> None:
    messages = [{"role": "user", "content": "Hello 3 and 4"}]
    message = await _message(face, "whole", messages, tool_choice=choice)
    assert [use.name for use in _uses(message)] == names


@pytest.mark.parametrize("name", FACES)
async def test_the_sdk_runs_functions_by_itself(house: RelayServer, name: str) -> None:
    def add(first: int, second: int) -> str:
        """Add two numbers."""
        return str(first + second)

    async with anthropic_face(name, house) as face:
        wrap = anthropic.beta_async_tool if face.is_async else anthropic.beta_tool
        function: Any = add
        if face.is_async:

            async def later(first: int, second: int) -> str:
                """Add two numbers."""
                return add(first, second)

            later.__name__ = "add"
            function = later
        asked = {
            "model": STRICT,
            "max_tokens": 1000,
            "messages": [{"role": "user", "content": "add 3 and 4"}],
            "tools": [wrap(function)],
        }
        message = await face.call(
            lambda client: client.beta.messages.tool_runner(**asked).until_done()
        )
    assert text_of(message) == "The function add returned 7."
