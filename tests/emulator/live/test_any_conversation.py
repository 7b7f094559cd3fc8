"""Whatever a client does in whatever order, the session keeps the order and answers in the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.live.live_client import MODEL, PATH, TEXT
from emulator.live.sound import loud, quiet
from gemstream.emulator import Chunk, Emulator, Rule, Script, Step
from gemstream.errors import InvalidRequest, InvalidState
from gemstream.policy.live.protocol import CLIENT, LiveProtocol
from gemstream.policy.live.server_event import ServerEvent, Text, ToolCalled, TurnCompleted
from gemstream.wire.live.client_message import ClientMessage
from support.live import audio_in, by_client, response

TOOLS = [
    {
        "functionDeclarations": [
            {"name": "book", "behavior": "NON_BLOCKING"},
            {"name": "look_up", "behavior": "BLOCKING"},
        ]
    }
]
SCOPE = {
    "type": "websocket",
    "path": PATH,
    "headers": [(b"x-goog-api-key", b"k")],
    "query_string": b"",
}


def asks(text: str, *, turn_complete: bool = True) -> ClientMessage:
    turns = [{"role": "user", "parts": [{"text": text}]}]
    return by_client(clientContent={"turns": turns, "turnComplete": turn_complete})


SAYS = [
    asks("Hi"),
    asks("Please book it"),
    asks("Please look_up it"),
    asks("Please book and look_up it"),
    asks("Listen", turn_complete=False),
    by_client(realtimeInput={"text": "Now"}),
    by_client(realtimeInput={"text": "Please book it now"}),
    audio_in(loud(100)),
    audio_in(quiet(500)),
    by_client(realtimeInput={"audioStreamEnd": True}),
    by_client(realtimeInput={"activityStart": {}}),
    by_client(realtimeInput={"activityEnd": {}}),
    by_client(realtimeInput={"video": {"mimeType": "image/jpeg", "data": "AAE="}}),
]
SCHEDULES = ["INTERRUPT", "WHEN_IDLE", "SILENT"]


class Conversation:
    """A client that sends what its protocol lets it, and judges by it what comes."""

    def __init__(self, *rules: Rule) -> None:
        self._emulator = Emulator(Script(rules))
        self._up: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._down: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._protocol = LiveProtocol(CLIENT)
        self.called: list[str] = []

    async def begin(self, **setup: Any) -> None:
        """Set the session up."""
        self._session = asyncio.create_task(self._emulator(SCOPE, self._up.get, self._deliver))
        self._up.put_nowait({"type": "websocket.connect"})
        assert (await self._down.get())["type"] == "websocket.accept"
        self.send(by_client(setup={"model": MODEL, **TEXT, "tools": TOOLS, **setup}))
        await self.read()

    async def end(self) -> None:
        """Leave, and wait until the emulator has noticed."""
        self._up.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._session

    async def turn(self) -> str:
        """Return what the model says to the end of its turn."""
        said = ""
        while True:
            for event in await self.read():
                if isinstance(event, Text):
                    said += event.text
                elif isinstance(event, TurnCompleted):
                    return said

    async def _deliver(self, message: dict[str, Any]) -> None:
        """Deliver at once and return later, as a server does whose buffer is full."""
        self._down.put_nowait(message)
        for _ in range(3):
            await asyncio.sleep(0)

    async def do(self, action: Any) -> None:
        """Send a message, let the emulator go on by some steps, or give a result."""
        if isinstance(action, ClientMessage):
            self.send(action)
        elif isinstance(action, int):
            for _ in range(action):
                await asyncio.sleep(0)  # the emulator goes on by a step
        elif isinstance(action, tuple) and self.called:
            place, scheduling, more = action
            id = self.called[place % len(self.called)]
            self.send(response(id, scheduling=scheduling, willContinue=more))
        while not self._down.empty():
            await self.read()

    def send(self, message: ClientMessage) -> None:
        """Send ``message``, if the protocol lets it pass."""
        try:
            payload = self._protocol.send(message)
        except (InvalidRequest, InvalidState):
            return
        self._up.put_nowait({"type": "websocket.receive", "text": payload.decode()})

    async def read(self) -> list[ServerEvent]:
        """Return what the next message means."""
        message = await self._down.get()
        assert message["type"] == "websocket.send", message
        events = self._protocol.receive(message["bytes"])
        for event in events:
            if isinstance(event, ToolCalled):
                self.called += [call.id or "" for call in event.calls]
        return events


_ACTIONS = st.lists(
    st.sampled_from(SAYS)
    | st.integers(1, 12)
    | st.tuples(st.integers(0, 5), st.sampled_from(SCHEDULES), st.booleans()),
    max_size=25,
)


@settings(deadline=None, max_examples=100)
@given(
    _ACTIONS, st.booleans(), st.sampled_from(["NO_INTERRUPTION", "START_OF_ACTIVITY_INTERRUPTS"])
)
def test_every_conversation_keeps_the_order(
    actions: list[Any], is_manual: bool, handling: str
) -> None:
    config = {
        "automaticActivityDetection": {"disabled": is_manual},
        "activityHandling": handling,
    }

    async def converse() -> None:
        conversation = Conversation()
        await conversation.begin(realtimeInputConfig=config, inputAudioTranscription={})
        for action in actions:
            await conversation.do(action)
        conversation.send(asks("the end"))
        while await conversation.turn() != "You said: the end":
            pass
        await conversation.end()

    asyncio.run(asyncio.wait_for(converse(), 30))


CALL = {"functionCall": {"name": "look_up", "args": {}}}
CALLS = Chunk({"candidates": [{"content": {"role": "model", "parts": [CALL]}}]})


@pytest.mark.parametrize(
    ("steps", "said"), [((CALLS,), "The function f returned 1."), ((CALLS, "Found."), "Found.")]
)
async def test_a_result_may_be_faster_than_the_writing_of_its_call(
    steps: tuple[Step, ...], said: str
) -> None:
    conversation = Conversation(Rule(prompt="Go", steps=steps))
    await conversation.begin()
    for number in (1, 2):
        conversation.send(asks("Go"))
        while len(conversation.called) < number:
            await conversation.read()
        conversation.send(response(conversation.called[-1]))
        assert await conversation.turn() == said
    await conversation.end()
