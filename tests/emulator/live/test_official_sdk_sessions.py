"""The official SDK, unmodified, in sessions that go on: what it sends, farewells, functions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from gemstream.emulator import (
    Chunk,
    Emulator,
    GoAway,
    Lifetime,
    LocalAuthority,
    Rule,
    Script,
    WaitForAck,
    serving,
)

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

MODEL = "gemini-3.8-live"
CONNECTION = "bidiGenerateContent/connection"
TEXT: dict[str, Any] = {"response_modalities": ["TEXT"]}


class OverheardEmulator(Emulator):
    """Keeps the paths it was asked on, and what came in frames of text."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []
        self.frames: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def overheard() -> Any:
            message = await receive()
            if message.get("text") is not None:
                self.frames.append(json.loads(message["text"]))
            return message

        self.paths.append(scope.get("path", ""))
        await super().__call__(scope, overheard, send)


@pytest.fixture(scope="module")
def authority() -> LocalAuthority:
    return LocalAuthority()


@pytest.fixture
def emulator() -> OverheardEmulator:
    return OverheardEmulator()


@pytest.fixture
async def sdk(
    emulator: OverheardEmulator, authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[genai.Client]:
    with authority.file() as ca:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        async with serving(emulator, tls=authority) as url:
            # The SDK's own address ends in a slash too, so that its path begins with two.
            options = types.HttpOptions(base_url=f"{url}/")
            client = genai.Client(api_key="k", http_options=options)
            yield client
            await client.aio.aclose()
            client.close()


async def ask(session: Any, prompt: str) -> None:
    turns = types.Content(role="user", parts=[types.Part(text=prompt)])
    await session.send_client_content(turns=turns)


async def answer(session: Any) -> list[Any]:
    return [message async for message in session.receive()]


def text_of(messages: list[Any]) -> str:
    return "".join(message.text or "" for message in messages)


async def until(session: Any, field: str) -> list[Any]:
    """Return the messages up to the first that has something in ``field``."""
    messages: list[Any] = []
    while not (messages and getattr(messages[-1], field)):
        messages.append(await anext(session.receive()))
    return messages


async def test_what_it_sends(sdk: genai.Client, emulator: OverheardEmulator) -> None:
    async with sdk.aio.live.connect(model=MODEL, config=TEXT) as session:
        await ask(session, "Hello")
        assert text_of(await answer(session)) == "You said: Hello"
        await session.send_realtime_input(text="Now")
        assert text_of(await answer(session)) == "You said: Now"
    [path] = [path for path in emulator.paths if "/ws/" in path]
    assert path.startswith("//ws/google.ai.generativelanguage.v1")
    setup, content, realtime = emulator.frames
    assert set(setup) == {"setup"}
    # Both spellings in one message, which are the same to protobuf.
    assert content == {
        "client_content": {
            "turns": [{"role": "user", "parts": [{"text": "Hello"}]}],
            "turnComplete": True,
        }
    }
    assert realtime == {"realtime_input": {"text": "Now"}}


def resumption_of(handle: str | None) -> dict[str, Any]:
    return {**TEXT, "session_resumption": {"handle": handle} if handle else {}}


async def test_a_session_goes_on_after_each_farewell(
    sdk: genai.Client, emulator: OverheardEmulator
) -> None:
    life = Lifetime(seconds=600, farewell=50)
    emulator.script = Script([Rule(method=CONNECTION, steps=[life])])
    handle, tokens = None, []
    for number in range(3):
        config: Any = resumption_of(handle)
        async with sdk.aio.live.connect(model=MODEL, config=config) as session:
            await ask(session, f"This is number {number}")
            messages = await answer(session)
            assert text_of(messages) == f"You said: This is number {number}"
            tokens.append(messages[-1].usage_metadata.prompt_token_count)
            [*_, update] = await until(session, "session_resumption_update")
            handle = update.session_resumption_update.new_handle
            emulator.advance(550)
            [*_, farewell] = await until(session, "go_away")
            assert farewell.go_away.time_left == "50s"
    # The prompt grows by all that was said before: each connection knows the ones before it.
    assert tokens[0] < tokens[1] < tokens[2]
    assert tokens[2] - tokens[1] == tokens[1] - tokens[0]


async def test_a_session_is_not_resumed_before_its_connection_is_closed(
    sdk: genai.Client, emulator: OverheardEmulator
) -> None:
    emulator.script = Script([Rule(method=CONNECTION, request=1, steps=[GoAway(time_left=50)])])
    config: Any = resumption_of(None)
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        [*_, update] = await until(session, "session_resumption_update")
        handle = update.session_resumption_update.new_handle
        config = resumption_of(handle)
        with pytest.raises(errors.APIError, match="still open on another connection") as met:
            async with sdk.aio.live.connect(model=MODEL, config=config):
                pass
        assert met.value.code == 1011
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        await ask(session, "And now?")
        assert text_of(await answer(session)) == "You said: And now?"


async def test_the_user_interrupts(sdk: genai.Client, emulator: OverheardEmulator) -> None:
    emulator.script = Script([Rule(request=1, steps=["Once upon", WaitForAck(), " a time"])])
    async with sdk.aio.live.connect(model=MODEL, config=TEXT) as session:
        await ask(session, "Tell me a story")
        await until(session, "text")
        await ask(session, "Stop")
        cut = await answer(session)
        assert (text_of(cut), cut[0].server_content.interrupted) == ("", True)
        assert text_of(await answer(session)) == "You said: Stop"


def call_of(*names: str) -> Chunk:
    parts = [{"functionCall": {"name": name, "args": {"n": name}}} for name in names]
    return Chunk({"candidates": [{"content": {"parts": parts}}]})


def response(call: Any, **more: Any) -> types.FunctionResponse:
    return types.FunctionResponse(
        id=call.id, name=call.name, response={"output": call.args["n"]}, **more
    )


async def test_several_functions_at_once(sdk: genai.Client, emulator: OverheardEmulator) -> None:
    steps = [call_of("light", "heat"), "All is on"]
    emulator.script = Script([Rule(request=1, steps=steps)])
    functions = [types.FunctionDeclaration(name=name) for name in ("light", "heat")]
    tools = [types.Tool(function_declarations=functions)]
    async with sdk.aio.live.connect(model=MODEL, config={**TEXT, "tools": tools}) as session:
        await ask(session, "Come home")
        [*_, called] = await until(session, "tool_call")
        calls = called.tool_call.function_calls
        assert [call.name for call in calls] == ["light", "heat"]
        await session.send_tool_response(function_responses=[response(call) for call in calls])
        assert text_of(await answer(session)) == "All is on"
    assert set(emulator.frames[-1]) == {"tool_response"}


async def test_calls_are_cancelled_by_an_interruption(
    sdk: genai.Client, emulator: OverheardEmulator
) -> None:
    emulator.script = Script([Rule(request=1, steps=[call_of("light")])])
    tools = [types.Tool(function_declarations=[types.FunctionDeclaration(name="light")])]
    async with sdk.aio.live.connect(model=MODEL, config={**TEXT, "tools": tools}) as session:
        await ask(session, "Please")
        [*_, called] = await until(session, "tool_call")
        await ask(session, "No, do not")
        [*_, cancelled] = await until(session, "tool_call_cancellation")
        [call] = called.tool_call.function_calls
        assert cancelled.tool_call_cancellation.ids == [call.id]


SCHEDULES = {
    "WHEN_IDLE": "The function book returned book.",
    "INTERRUPT": "The function book returned book.",
    "SILENT": "You said: And?",
}


@pytest.mark.parametrize("scheduling", SCHEDULES)
async def test_a_function_that_nobody_waits_for_is_told_as_it_is_scheduled(
    sdk: genai.Client, emulator: OverheardEmulator, scheduling: str
) -> None:
    emulator.script = Script([Rule(request=1, steps=[call_of("book"), "Meanwhile"])])
    function = types.FunctionDeclaration(name="book", behavior=types.Behavior.NON_BLOCKING)
    tools = [types.Tool(function_declarations=[function])]
    async with sdk.aio.live.connect(model=MODEL, config={**TEXT, "tools": tools}) as session:
        await ask(session, "Book")
        messages = await answer(session)
        assert text_of(messages) == "Meanwhile"
        [call] = next(one.tool_call.function_calls for one in messages if one.tool_call)
        how = types.FunctionResponseScheduling(scheduling)
        await session.send_tool_response(function_responses=response(call, scheduling=how))
        if scheduling == "SILENT":  # it is never told, and so something else has to be asked
            await ask(session, "And?")
        assert text_of(await answer(session)) == SCHEDULES[scheduling]
