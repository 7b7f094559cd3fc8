"""A Live service that keeps what it knows by handle, and whose connections end as they are told to.

It is the judge too: of each conversation it knows which questions it has answered, so that a turn
that comes twice is seen.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from gemstream.policy.live import client_event as heard
from gemstream.wire.live.server_message import ServerMessage
from support.live import DONE, SET_UP, by_server, call, output
from support.live_service import LiveService, Stage
from support.peers import Receive, Send

__all__ = ("PIECES", "Connection", "FickleService", "Question")

PIECES = 3  # of each answer
INTERRUPTED = by_server(serverContent={"interrupted": True})


class Connection(NamedTuple):
    """What becomes of a connection; seconds from its setup.

    ``setup``: "accept", "refuse" the handle, "unavailable", "broken", "unanswered" or "refused" by
    HTTP. ``farewell``: when, and with how much time left. ``ends``: when, and with which code.
    """

    setup: str = "accept"
    farewell: tuple[float, float] | None = None
    ends: tuple[float, int] | None = None


class Question(NamedTuple):
    """What becomes of a question: ``said`` pieces of its answer, then a close with ``code``.

    ``code`` None: it is answered. ``is_void``: the service has answered, but nothing arrives.
    ``calls``: a function is called first. ``handle``: "before" the answer, "after", "late",
    "unresumable" or "never".
    """

    code: int | None = None
    said: int = 0
    delay: float = 0.0
    is_void: bool = False
    calls: bool = False
    handle: str = "after"


class FickleService:
    """An ASGI application; what is not told of any more is well behaved.

    ``answered``: of each conversation that is still known the questions answered, by handle.
    ``faults``: what it saw and should not have.
    """

    def __init__(self, connections: Iterable[Connection], questions: Iterable[Question]) -> None:
        self._connections = deque(connections)
        self._questions = deque(questions)
        self._known: dict[str, list[str]] = {}
        self._live = LiveService(self._play, sets_up=False)
        self._calls = 0
        self._fate = Connection()
        self.faults: list[str] = []
        self.asked: list[str] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._fate = self._connections.popleft() if self._connections else Connection()
        if self._fate.setup == "refused":
            start = {"type": "websocket.http.response.start", "status": 503, "headers": []}
            await send(start)
            await send({"type": "websocket.http.response.body", "body": b""})
            return
        await self._live(scope, receive, send)

    async def _play(self, stage: Stage) -> None:
        fate = self._fate
        first = await stage.hear()
        assert isinstance(first, heard.SetUp)
        resumption = first.setup.session_resumption
        handle = resumption.handle if resumption else None
        if fate.setup == "refuse":
            return await stage.close(1007 if handle else 1011, "invalid argument")
        if fate.setup in ("unavailable", "broken"):
            return await stage.close(1011 if fate.setup == "unavailable" else 1006)
        if fate.setup == "unanswered":
            return
        await stage.say(SET_UP)
        answered = list(self._known[handle]) if handle else []
        talk = _Talk(self, stage, answered)
        tasks = [asyncio.create_task(talk.run())]
        if fate.farewell:
            tasks.append(asyncio.create_task(_farewell(stage, *fate.farewell)))
        if fate.ends:
            tasks.append(asyncio.create_task(_end(stage, *fate.ends)))
        try:
            while True:
                talk.receive(await stage.hear())
        finally:
            for task in tasks:
                task.cancel()

    def fate_of_question(self) -> Question:
        """What becomes of the next question."""
        return self._questions.popleft() if self._questions else Question()

    def handle_of(self, answered: list[str]) -> str:
        """A new handle, which knows what was answered up to now."""
        handle = f"h{len(self._known)}"
        self._known[handle] = list(answered)
        return handle

    def new_call(self) -> str:
        """The id of another call."""
        self._calls += 1
        return f"c{self._calls}"


class _Talk:
    """One connection's conversation: its ears, and its mouth."""

    def __init__(self, service: FickleService, stage: Stage, answered: list[str]) -> None:
        self._service = service
        self._stage = stage
        self._answered = answered
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._results: asyncio.Queue[str] = asyncio.Queue()
        self._now = asyncio.get_running_loop().time

    def receive(self, event: heard.ClientEvent) -> None:
        if isinstance(event, heard.Audio):
            age = self._now() - int.from_bytes(event.data, "little") / 1000
            if age > 2.01:
                self._service.faults.append(f"audio of {age} s ago")
        elif isinstance(event, heard.ContentGiven) and event.turn_complete:
            [question] = [part.text or "" for part in event.turns[-1].parts]
            self._heard.put_nowait(question)
            self._service.asked.append(question)
        elif isinstance(event, heard.ToolResponded):
            for response in event.responses:
                self._results.put_nowait(response.id or "")

    async def run(self) -> None:
        await self._give(self._service.handle_of(self._answered))
        while True:
            question = await self._heard.get()
            await self._answer(question, self._service.fate_of_question())

    async def _answer(self, question: str, fate: Question) -> None:
        stage, service = self._stage, self._service
        if question in self._answered:
            service.faults.append(f"{question} comes twice")
        await asyncio.sleep(fate.delay)
        if fate.handle == "before":
            await self._give(service.handle_of(self._answered))
        if fate.calls:
            key = service.new_call()
            await stage.say(call(key))
            if fate.code is not None and not fate.said:
                return await stage.close(fate.code)
            if await self._results.get() != key:
                service.faults.append(f"the result of another call than {key}")
        said = fate.said if fate.code is not None else PIECES
        for number in range(0 if fate.is_void and fate.code is not None else said):
            await stage.say(output({"text": f"{question}.{number} "}))
            await asyncio.sleep(fate.delay / 4)
            if not self._heard.empty() and fate.code is None:
                return await stage.say(INTERRUPTED, DONE)
        self._answered.append(question)
        if fate.code is not None:
            service.handle_of(self._answered)
            return await stage.close(fate.code)
        await stage.say(DONE)
        if fate.handle == "late":
            await asyncio.sleep(0.5)
        if fate.handle == "unresumable":
            await stage.say(by_server(sessionResumptionUpdate={"resumable": False}))
        elif fate.handle in ("after", "late"):
            await self._give(service.handle_of(self._answered))

    async def _give(self, handle: str) -> None:
        message: ServerMessage = by_server(
            sessionResumptionUpdate={"newHandle": handle, "resumable": True}
        )
        await self._stage.say(message)


async def _farewell(stage: Stage, after: float, left: float) -> None:
    await asyncio.sleep(after)
    await stage.say(by_server(goAway={"timeLeft": f"{left}s"}))
    await asyncio.sleep(left)
    await stage.close(1008, "client failed to close the connection after receiving a GoAway")


async def _end(stage: Stage, after: float, code: int) -> None:
    await asyncio.sleep(after)
    await stage.close(code)
