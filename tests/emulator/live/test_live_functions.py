"""Functions in Live sessions: which the model waits for, when it tells the results of others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulator.live.live_client import TEXT, LiveClient, live, said
from emulator.live.sound import loud, quiet
from emulator.live.test_spoken_turns import say
from gemstream.emulator import Chunk, Emulator, Rule, Script, WaitForAck, serving

TOOLS = [
    {
        "functionDeclarations": [
            {"name": "book", "behavior": "NON_BLOCKING"},
            {"name": "look_up", "behavior": "BLOCKING"},
        ]
    }
]
CALL = "function-call-1"


def calls(*names: str) -> Chunk:
    parts = [{"functionCall": {"name": name, "args": {}}} for name in names]
    return Chunk({"candidates": [{"content": {"role": "model", "parts": parts}}]})


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with serving(emulator) as url:
        yield url


async def respond(client: LiveClient, output: object = None, **more: Any) -> None:
    """Send a result; without ``output`` an empty one."""
    response = {} if output is None else {"output": output}
    result = {"id": CALL, "name": "book", "response": response, **more}
    await client.send(toolResponse={"functionResponses": [result]})


async def booked(client: LiveClient) -> None:
    """Have the model call ``book`` and end its turn."""
    await client.setup(**TEXT, tools=TOOLS)
    await client.ask("Please book it")
    messages = await client.turn()
    assert [next(iter(one)) for one in messages] == ["toolCall", "serverContent", "serverContent"]
    assert messages[-1]["serverContent"]["interactionStatus"] == "IDLE"


async def test_a_call_does_not_silence_the_model(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(prompt="book", steps=["Well. ", calls("book"), "One moment."])])
    async with live(url) as client:
        await client.setup(**TEXT, tools=TOOLS)
        await client.ask("Please book it")
        messages = await client.turn()
        assert said(messages) == "Well. One moment."
        assert [one for one in messages if "toolCall" in one] == messages[1:2]
        await client.ask("How are you?")
        assert said(await client.turn()) == "You said: How are you?"
        await respond(client, "done")
        assert said(await client.turn()) == "The function book returned done."


async def test_a_result_is_told_when_the_model_is_idle(url: str, emulator: Emulator) -> None:
    story = Rule(prompt="story", steps=["Once", WaitForAck(), " upon a time"])
    emulator.script = Script([story])
    async with live(url) as client:
        await booked(client)
        await client.ask("A story")
        assert said([await client.next()]) == "Once"
        await respond(client, "done")
        async with live(url) as other:  # what was sent before it has been read
            await other.setup(**TEXT)
        emulator.ack()
        messages = await client.turn()
        assert said(messages) == " upon a time"
        assert messages[-1]["serverContent"]["interactionStatus"] == "IN_PROGRESS"
        assert said(await client.turn()) == "The function book returned done."


async def test_a_result_waits_for_the_user_to_have_spoken(url: str) -> None:
    async with live(url) as client:
        await booked(client)
        await say(client, loud(200))
        await client.until("voiceActivity")
        await respond(client, "done")
        await say(client, quiet(500))
        assert said(await client.turn()) == "You said: 0.2 seconds of speech"
        assert said(await client.turn()) == "The function book returned done."


async def test_a_result_interrupts_the_model(url: str, emulator: Emulator) -> None:
    story = Rule(prompt="story", steps=["Once", WaitForAck()])
    emulator.script = Script([story])
    async with live(url) as client:
        await booked(client)
        await client.ask("A story")
        assert said([await client.next()]) == "Once"
        await respond(client, "done", scheduling="INTERRUPT")
        messages = await client.turn()
        assert messages[0] == {"serverContent": {"interrupted": True}}
        assert said(await client.turn()) == "The function book returned done."


async def test_a_silent_result_is_known_and_not_told(url: str) -> None:
    async with live(url) as client:
        await booked(client)
        before = client.frames[-1]["usageMetadata"]["totalTokenCount"]
        await respond(client, "done", scheduling="SILENT")
        await client.ask("Well?")
        messages = await client.turn()
        assert said(messages) == "You said: Well?"
        assert messages[-1]["usageMetadata"]["promptTokenCount"] > before + 2


async def test_a_silent_result_in_a_turn_does_not_answer_it(url: str, emulator: Emulator) -> None:
    # The answer is composed after the wait, from a history that the result must not be the last of.
    emulator.script = Script([Rule(prompt="Well", steps=[WaitForAck()])])
    async with live(url) as client:
        await booked(client)
        await client.ask("Well?")
        await respond(client, "done", scheduling="SILENT")
        async with live(url) as other:
            await other.setup(**TEXT)
        emulator.ack()
        assert said(await client.turn()) == "You said: Well?"


async def test_a_function_may_give_several_results(url: str) -> None:
    async with live(url) as client:
        await booked(client)
        for part in ("half", "all"):
            await respond(client, part, willContinue=True)
            assert said(await client.turn()) == f"The function book returned {part}."
        await respond(client, willContinue=False)  # ends it, and nothing is said
        await client.ask("Good")
        assert said(await client.turn()) == "You said: Good"
        await respond(client, "more")  # too late
        await client.ask("Bye")
        assert said(await client.turn()) == "You said: Bye"


async def test_the_only_result_is_told_also_when_it_is_empty(url: str) -> None:
    async with live(url) as client:
        await booked(client)
        await respond(client)
        assert said(await client.turn()) == "The function book returned {}."


async def test_an_interruption_leaves_it_running(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(prompt="book", steps=[calls("book"), "Wait", WaitForAck()])])
    async with live(url) as client:
        await client.setup(**TEXT, tools=TOOLS)
        await client.ask("Please book it")
        await client.until("serverContent", "modelTurn")
        await client.ask("Hello?")
        messages = await client.turn()
        assert messages[0] == {"serverContent": {"interrupted": True}}
        assert said(await client.turn()) == "You said: Hello?"
        await respond(client, "done")
        assert said(await client.turn()) == "The function book returned done."


async def test_the_model_waits_for_one_and_not_for_the_other(url: str, emulator: Emulator) -> None:
    steps = ["A. ", calls("book", "look_up"), "B. ", calls("look_up")]
    emulator.script = Script([Rule(prompt="Go", steps=steps)])
    async with live(url) as client:
        await client.setup(**TEXT, tools=TOOLS)
        await client.ask("Go")
        (*_, message) = await client.until("toolCall")
        assert [one["id"] for one in message["toolCall"]["functionCalls"]] == [
            CALL,
            CALL[:-1] + "2",
        ]
        await respond(client, "done")  # waits for the turn's end
        found = {"id": CALL[:-1] + "2", "name": "look_up", "response": {"output": 1}}
        await client.send(toolResponse={"functionResponses": [found]})
        messages = await client.until("toolCall")
        assert said(messages) == "B. "
        (last,) = messages[-1]["toolCall"]["functionCalls"]
        assert last["id"] == CALL[:-1] + "3"
        await client.send(toolResponse={"functionResponses": [{**found, "id": last["id"]}]})
        assert said(await client.turn()) == "The function look_up returned 1."
        assert said(await client.turn()) == "The function book returned done."


async def test_speech_cancels_what_the_model_waits_for(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(prompt="Go", steps=[calls("book", "look_up")])])
    async with live(url) as client:
        await client.setup(**TEXT, tools=TOOLS)
        await client.ask("Go")
        await client.until("toolCall")
        await say(client, loud(200) + quiet(500))
        messages = await client.turn()
        assert {"toolCallCancellation": {"ids": [CALL[:-1] + "2"]}} in messages
        assert said(await client.turn()) == "You said: 0.2 seconds of speech"
        await respond(client, "done")
        assert said(await client.turn()) == "The function book returned done."


async def test_more_results_than_the_model_waited_for_are_not_considered(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT, tools=TOOLS)
        await client.ask("Please look_up it")
        await client.until("toolCall")
        await respond(client, "one", name="look_up", willContinue=True)
        assert said(await client.turn()) == "The function look_up returned one."
        await respond(client, "two", name="look_up")
        await client.ask("Go on")
        assert said(await client.turn()) == "You said: Go on"


async def test_what_a_function_is_declared_as_may_change(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT, tools=[{"functionDeclarations": [{"name": "book"}]}])
        await client.send(contextUpdate={"tools": {"tools": TOOLS}})
        await client.ask("Please book it")
        assert "toolCall" in (await client.turn())[0]
