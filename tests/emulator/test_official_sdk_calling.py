"""The official SDK, unmodified, runs Python functions that the emulator's answers call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from google.genai import types

from emulator.driver import MODEL
from emulator.official_sdk import FACES, Face, open_face
from gemstream.emulator import Chunk, Rule, Script, serving
from gemstream.testing.served import ListeningEmulator

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

WAYS = ("generate", "stream")


@pytest.fixture
def emulator() -> ListeningEmulator:
    return ListeningEmulator()


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, emulator: ListeningEmulator) -> AsyncIterator[Face]:
    async with serving(emulator) as url:
        face = open_face(request.param, url)
        yield face
        await face.aclose()


async def answered(
    face: Face, way: str, question: str, *tools: Callable[..., Any], model: str = MODEL
) -> tuple[str, list[Any]]:
    """Ask with tools; return the text and the history that the SDK tells with its last answer."""
    config = types.GenerateContentConfig(tools=list(tools))
    if way == "generate":
        chunks = [await face.generate(question, config, model)]
    else:
        chunks = await face.stream(question, config, model)
    text = "".join(
        part.text or "" for chunk in chunks for part in chunk.candidates[0].content.parts or []
    )
    return text, chunks[-1].automatic_function_calling_history or []


def results(emulator: ListeningEmulator) -> list[list[tuple[str, Any]]]:
    """What was told of functions in the last turn of each request."""
    return [
        [
            (one["functionResponse"]["name"], one["functionResponse"]["response"])
            for one in request.json["contents"][-1]["parts"]
            if "functionResponse" in one
        ]
        for request in emulator.requests
    ]


def calls(*named: tuple[str, dict[str, Any]]) -> Chunk:
    """A chunk as the service sends it, with these calls."""
    parts = [{"functionCall": {"name": name, "args": args}} for name, args in named]
    content = {"role": "model", "parts": parts}
    return Chunk({"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]})


def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


def multiply(first: int, second: int) -> int:
    """Multiply two numbers."""
    return first * second


def now() -> str:
    """Tell the time."""
    return "noon"


def explode() -> str:
    """Fail."""
    raise OSError("no more powder")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", [MODEL, "gemini-3.8-flash", "gemini-4-argon"])
async def test_one_round(face: Face, emulator: ListeningEmulator, way: str, model: str) -> None:
    text, history = await answered(face, way, "add 3 and 4", add, model=model)
    assert text == "The function add returned 7."
    assert results(emulator) == [[], [("add", {"result": 7})]]
    assert [turn.role for turn in history] == ["user", "model", "user"]


@pytest.mark.parametrize("way", WAYS)
async def test_several_rounds(face: Face, emulator: ListeningEmulator, way: str) -> None:
    emulator.script = Script(
        [
            Rule(request=1, steps=[calls(("add", {"first": 1, "second": 2}))]),
            Rule(request=2, steps=[calls(("multiply", {"first": 3, "second": 5}))]),
            Rule(request=3, steps=[calls(("now", {}))]),
            Rule(request=4, steps=["It is ", "15 at noon."]),
        ]
    )
    text, history = await answered(face, way, "go", add, multiply, now)
    assert text == "It is 15 at noon."
    assert results(emulator) == [
        [],
        [("add", {"result": 3})],
        [("multiply", {"result": 15})],
        [("now", {"result": "noon"})],
    ]
    assert [turn.role for turn in history] == ["user", *["model", "user"] * 3]


@pytest.mark.parametrize("way", WAYS)
async def test_a_function_without_parameters(
    face: Face, emulator: ListeningEmulator, way: str
) -> None:
    """The blocking face passes over a call without args, so the service always sends them."""
    text, _ = await answered(face, way, "what is it now?", now)
    assert text == "The function now returned noon."


@pytest.mark.parametrize("way", WAYS)
async def test_a_function_that_fails(face: Face, emulator: ListeningEmulator, way: str) -> None:
    text, _ = await answered(face, way, "explode", explode)
    assert text.startswith("The function explode failed: ") and "no more powder" in text
    assert [name for name, told in results(emulator)[1] if "error" in told] == ["explode"]


@pytest.mark.parametrize("way", WAYS)
async def test_calls_side_by_side(face: Face, emulator: ListeningEmulator, way: str) -> None:
    text, _ = await answered(face, way, "add and multiply 3 and 4", add, multiply)
    assert text == "The function add returned 7. The function multiply returned 12."
    assert results(emulator)[1] == [("add", {"result": 7}), ("multiply", {"result": 12})]


@pytest.mark.parametrize("way", WAYS)
async def test_calls_of_one_function_side_by_side(
    face: Face, emulator: ListeningEmulator, way: str
) -> None:
    both = calls(("add", {"first": 1, "second": 2}), ("add", {"first": 3, "second": 4}))
    emulator.script = Script([Rule(request=1, steps=[both])])
    text, _ = await answered(face, way, "go", add)
    assert text == "The function add returned 3. The function add returned 7."


@pytest.mark.parametrize("way", WAYS)
async def test_the_rounds_are_bounded(face: Face, emulator: ListeningEmulator, way: str) -> None:
    emulator.script = Script([Rule(steps=[calls(("now", {}))])])  # it calls for ever
    config = types.GenerateContentConfig(
        tools=[now],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(maximum_remote_calls=3),
    )
    await getattr(face, way)("go", config)
    assert len(emulator.requests) == 3


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_can_be_demanded(face: Face, emulator: ListeningEmulator, way: str) -> None:
    calling = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["multiply"]
    )
    config = types.GenerateContentConfig(
        tools=[add, multiply],
        tool_config=types.ToolConfig(function_calling_config=calling),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    answer = await getattr(face, way)("5 and 6", config)
    found = [
        call
        for one in (answer if way == "stream" else [answer])
        for call in one.function_calls or []
    ]
    assert [(call.name, call.args) for call in found] == [("multiply", {"first": 5, "second": 6})]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", ["aiohttp", "httpx"], indirect=True)
async def test_coroutine_functions(face: Face, emulator: ListeningEmulator, way: str) -> None:
    async def fetch(number: int) -> str:
        """Fetch something."""
        await asyncio.sleep(0)
        return f"number {number}"

    text, _ = await answered(face, way, "fetch 9", fetch)
    assert text == "The function fetch returned number 9."
