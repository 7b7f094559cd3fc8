"""Functions of the program in a Live session: called, answered, cancelled, over the whole way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gemstream import AsyncClient, FunctionDeclaration, FunctionResponse, FunctionTool, LiveSession
from gemstream.client.live.events import Interrupted, ToolCallCancelled, ToolCalled, TurnCompleted
from gemstream.emulator import Emulator, serving
from gemstream.errors import InvalidRequest, SessionClosedError
from gemstream.policy.live.client_event import SetUp, ToolResponded
from gemstream.wire.content import Scheduling
from support.live import DONE, by_server, call, output
from support.live_service import MODEL, LiveService, Stage, client_of
from support.peers import left_behind
from support.service import KEY

HELLO = output({"text": "Hel"}), output({"text": "lo"})


async def _calls_once(stage: Stage) -> None:
    await stage.hear()
    await stage.say(HELLO[0], call("1"))
    await stage.hear()
    await stage.say(HELLO[1], DONE)


def f() -> str:
    """Do it."""
    return "done"


def responses_in(service: LiveService) -> list[FunctionResponse]:
    """What functions returned, as the service heard it."""
    heard = [event for event in service.heard if isinstance(event, ToolResponded)]
    return [response for event in heard for response in (*event.responses, *event.late)]


async def test_a_turn_with_calls_is_one_answer() -> None:
    service = LiveService(_calls_once)
    async with client_of(service).live(MODEL, tools=[f]) as session:
        answer = await session.send_text("Hi")
        assert (answer.text, answer.is_complete, answer.calls) == ("Hello", True, ())
        assert session.open_calls == ()
    assert responses_in(service) == [
        FunctionResponse(id="1", name="f", response={"result": "done"})
    ]
    [setup, *_] = service.heard
    assert isinstance(setup, SetUp)
    [tool] = setup.setup.tools
    assert tool.function_declarations == [FunctionDeclaration(name="f", description="Do it.")]


async def test_a_stream_of_text_goes_on_past_a_call() -> None:
    async with client_of(LiveService(_calls_once)).live(MODEL, tools=[f]) as session:
        stream = session.send_text_stream("Hi")
        assert [piece async for piece in stream] == ["Hel", "lo"]
        assert not stream.calls


async def test_the_call_is_told_before_its_response_is_sent() -> None:
    may_return = asyncio.Event()

    async def f() -> None:
        await may_return.wait()

    service = LiveService(_calls_once)
    async with client_of(service).live(MODEL, tools=[f]) as session:
        await session.send_client_content("Hi")
        async for event in session.turn():
            if isinstance(event, ToolCalled):
                assert session.open_calls == ("1",)
                assert session.left_to_answer(event.calls) == []
                assert len(service.heard) == 2
                may_return.set()
    assert len(responses_in(service)) == 1


async def test_calls_of_declared_functions_are_left_to_the_caller() -> None:
    async def calls_both(stage: Stage) -> None:
        await stage.hear()
        calls = [{"id": "1", "name": "f"}, {"id": "2", "name": "raw"}]
        await stage.say(HELLO[0], by_server(toolCall={"functionCalls": calls}))
        await stage.hear()
        await stage.hear()
        await stage.say(HELLO[1], DONE)

    service = LiveService(calls_both)
    tools = [f, FunctionDeclaration(name="raw")]
    async with client_of(service).live(MODEL, tools=tools) as session:
        answer = await session.send_text("Hi")
        assert (answer.text, answer.is_complete) == ("Hel", False)
        assert [one.name for one in answer.calls] == ["raw"]
        await session.send_tool_response(FunctionResponse(id="2", name="raw", response={"a": 1}))
        assert (await session.turn().finish()).text == "lo"
    assert {one.id for one in responses_in(service)} == {"1", "2"}


async def test_an_interruption_cancels_what_runs() -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def f() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def interrupted(stage: Stage) -> None:
        await stage.hear()
        await stage.say(call("1"))
        await stage.hear()
        cancellation = by_server(toolCallCancellation={"ids": ["1"]})
        await stage.say(cancellation, by_server(serverContent={"interrupted": True}), DONE)
        await stage.say(*HELLO, DONE)

    service = LiveService(interrupted)
    async with client_of(service).live(MODEL, tools=[f]) as session:
        await session.send_client_content("Do f")
        assert isinstance(await anext(session), ToolCalled)
        await began.wait()
        await session.send_client_content("Stop")
        events = [event async for event in session.turn()]
        assert events == [ToolCallCancelled(["1"]), Interrupted(), TurnCompleted()]
        await cancelled.wait()
        assert (await session.turn().finish()).text == "Hello"
    assert responses_in(service) == []


async def test_a_generator_sends_each_value_while_the_model_speaks_on() -> None:
    heard = asyncio.Event()

    async def f() -> AsyncIterator[int]:
        yield 1
        await heard.wait()  # the second value is not due before the first is there
        yield 2

    async def listens(stage: Stage) -> None:
        await stage.hear()
        await stage.say(call("1"), HELLO[0])
        await stage.hear()
        heard.set()
        await stage.hear()
        await stage.hear()
        await stage.say(HELLO[1], DONE)

    service = LiveService(listens)
    tool = FunctionTool(f, behavior="NON_BLOCKING", scheduling="WHEN_IDLE")
    async with client_of(service).live(MODEL, tools=[tool]) as session:
        assert (await session.send_text("Hi")).text == "Hello"
    told = [(one.response, one.will_continue, one.scheduling) for one in responses_in(service)]
    assert told == [
        ({"result": 1}, True, Scheduling.WHEN_IDLE),
        ({"result": 2}, True, Scheduling.WHEN_IDLE),
        ({}, False, Scheduling.SILENT),
    ]


async def test_a_result_that_no_message_holds_becomes_a_failure() -> None:
    def f() -> str:
        return "x" * 9_000_000

    service = LiveService(_calls_once)
    async with client_of(service).live(MODEL, tools=[f]) as session:
        assert (await session.send_text("Hi")).is_complete
    [response] = responses_in(service)
    assert response.response is not None
    assert "more than max_message_size" in response.response["error"]


async def test_the_time_limit_is_an_option() -> None:
    async def f() -> None:
        await asyncio.Event().wait()

    service = LiveService(_calls_once)
    async with client_of(service).live(MODEL, tools=[f], tool_timeout=0.001) as session:
        assert (await session.send_text("Hi")).is_complete
    [response] = responses_in(service)
    assert response.response == {"error": "the function f failed: it took longer than 0.001 s"}


@pytest.mark.parametrize("end", ["closed here", "closed by the service", "left by an exception"])
async def test_a_session_that_ends_cancels_what_runs(end: str) -> None:
    before = asyncio.all_tasks()
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def f() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def calls(stage: Stage) -> None:
        await stage.hear()
        await stage.say(call("1"))
        if end == "closed by the service":
            await began.wait()
            await stage.close(1011, "gone")

    session = client_of(LiveService(calls)).live(MODEL, tools=[f], reconnect=False)
    if end == "closed by the service":
        async with session:
            with pytest.raises(SessionClosedError):
                await session.send_text("Hi")
            await cancelled.wait()
    elif end == "left by an exception":
        with pytest.raises(ZeroDivisionError):
            async with session:
                await _call(session, began)
                raise ZeroDivisionError
    else:
        async with session:
            await _call(session, began)
    assert cancelled.is_set()
    assert not {one for one in left_behind(before) if one.get_name().startswith("gemstream tool")}


async def _call(session: LiveSession, began: asyncio.Event) -> None:
    await session.send_client_content("Hi")
    assert isinstance(await anext(session), ToolCalled)
    await began.wait()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a lambda": ({"tools": [lambda: 1]}, "a lambda has no name"),
    "a text": ({"tools": ["f"]}, "is a function, .*, not 'f'"),
    "no list": ({"tools": f}, "it takes a list of functions"),
    "no limit": ({"tools": [f], "tool_timeout": 0}, "tool_timeout is 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_tool_is_refused_before_anything_is_sent(case: str) -> None:
    options, said = REFUSED[case]
    with pytest.raises(InvalidRequest, match=said):
        client_of(None).live(MODEL, **options)


async def test_generate_says_where_functions_are_run() -> None:
    with pytest.raises(InvalidRequest, match="in Live sessions alone: elsewhere pass Function"):
        await client_of(None).generate("Hi", tools=[f])  # type: ignore[list-item]


# --- with the emulator, over a socket --------------------------------------------------------


async def test_a_conversation_with_functions() -> None:
    """The emulator calls what the prompt names, both at once, and reads what they return."""
    dice_rolled = asyncio.Event()

    async def weather(city: str) -> dict[str, str]:
        """Tell the weather.

        Args:
            city: Where.
        """
        await dice_rolled.wait()  # runs beside the other, or never ends
        return {"result": "sunny"}

    async def roll_dice(sides: int) -> int:
        """Roll dice."""
        dice_rolled.set()
        raise ValueError("the dice are lost")

    async with (
        serving(Emulator()) as url,
        AsyncClient(KEY, base_url=url) as client,
        client.live(
            MODEL, response_modalities=["TEXT"], tools=[weather, roll_dice], tool_timeout=30
        ) as session,
    ):
        answer = await session.send_text("Tell the weather in Rome and roll dice of 6 sides")
        assert answer.is_complete
        assert "The function weather returned sunny." in answer.text
        assert "The function roll_dice failed: ValueError: the dice are lost." in answer.text
        assert (await session.send_text("Count to 3")).text == "1, 2, 3"


async def test_what_the_user_interrupts_is_cancelled() -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def weather() -> str:
        """Tell the weather."""
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "never"

    async with (
        serving(Emulator()) as url,
        AsyncClient(KEY, base_url=url) as client,
        client.live(MODEL, response_modalities=["TEXT"], tools=[weather]) as session,
    ):
        await session.send_client_content("What is the weather?")
        reader = asyncio.create_task(session.turn().finish())
        await began.wait()
        await session.send_client_content("Count to 3")
        assert (await reader).is_interrupted
        await cancelled.wait()
        assert (await session.turn().finish()).text == "1, 2, 3"
