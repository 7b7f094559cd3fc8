"""Whatever service and user do: no answer twice, none lost untold, none mixed, none waited for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemstream.client.live.events import (
    Resumed,
    Text,
    TurnCompleted,
)
from gemstream.client.live.session import LiveSession
from gemstream.errors import GemstreamError, InvalidState, StreamInterrupted
from gemstream.policy.live.resumption import MAX_KEPT_AUDIO, MAX_KEPT_SIZE
from support.clock import ImpatientLoop
from support.fickle_service import PIECES, Connection, FickleService, Question
from support.live_service import MODEL, client_of

PATIENCE = 400.0  # seconds that an answer may take: outages one after the other, and timeouts
ROUNDS = 300_000  # of the event loop, so that one that spins is seen

CODES = st.sampled_from([1000, 1001, 1006, 1007, 1008, 1011, 1011, 1012, 4429])
SECONDS = st.sampled_from([0.0, 0.0, 0.1, 0.7, 1.5, 3.0, 12.0, 45.0])

connections = st.builds(
    Connection,
    setup=st.sampled_from(
        ["accept"] * 6 + ["refuse", "unavailable", "broken", "unanswered", "refused"]
    ),
    farewell=st.none() | st.tuples(SECONDS, SECONDS),
    ends=st.none() | st.tuples(SECONDS, CODES),
)
questions = st.builds(
    Question,
    code=st.none() | CODES,
    said=st.integers(0, 2),
    delay=SECONDS,
    is_void=st.booleans(),
    calls=st.booleans(),
    handle=st.sampled_from(["after", "after", "before", "late", "unresumable", "never"]),
)


class Act(NamedTuple):
    """What the user does, and for how many seconds."""

    does: str
    seconds: float = 0.0


acts = st.builds(
    Act,
    does=st.sampled_from(
        ["ask", "stream", "leave", "tell", "cancel", "speak", "wait", "cut in", "peek", "close"]
    ),
    seconds=SECONDS,
)


class BoundedLoop(ImpatientLoop):
    """Fails when it spins."""

    rounds = 0

    def _run_once(self) -> None:
        self.rounds += 1
        assert self.rounds < ROUNDS, "the loop spins"
        super()._run_once()  # type: ignore[misc]


class User:
    """Asks, and keeps account of each question: "open", then what became of it."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._asked = 0
        self._others: list[asyncio.Task[None]] = []  # that do something meanwhile
        self.is_closing = False
        self.fates: dict[str, str] = {}
        self.seen: list[str] = []  # texts, turn by turn

    async def act(self, act: Act) -> None:
        await getattr(self, f"_{act.does.replace(' ', '_')}")(act.seconds)
        self._check_bounds()

    def _new(self) -> str:
        self._asked += 1
        question = f"q{self._asked}"
        self.fates[question] = "open"
        return question

    async def _ask(self, seconds: float) -> None:
        await self._drain()
        question = self._new()
        await self._answered(question)

    async def _answered(self, question: str) -> None:
        try:
            answer = await self._session.send_text(question)
        except StreamInterrupted as lost:
            self._lose(question, lost.partial or "")
        else:
            self._complete(question, answer.text)

    async def _stream(self, seconds: float) -> None:
        await self._drain()
        question = self._new()
        pieces = []
        try:
            async for piece in self._session.send_text_stream(question):
                pieces.append(piece)
                await asyncio.sleep(seconds)
        except StreamInterrupted as lost:
            assert lost.partial == "".join(pieces)
            self._lose(question, "".join(pieces))
        else:
            self._complete(question, "".join(pieces))

    async def _leave(self, seconds: float) -> None:
        """Ask, and go away after the first piece."""
        await self._drain()
        question = self._new()
        try:
            async for _ in self._session.send_text_stream(question):
                break
        except StreamInterrupted as lost:
            self._lose(question, lost.partial or "")
        else:
            self.fates[question] = "left"
        await asyncio.sleep(seconds)

    async def _tell(self, seconds: float) -> None:
        """Ask, and read what comes as events."""
        await self._drain()
        question = self._new()
        await self._session.send_client_content(question)
        await asyncio.sleep(seconds)
        await self._read(question)

    async def _cut_in(self, seconds: float) -> None:
        """Ask, and ask another thing when the answer has begun."""
        await self._drain()
        first = self._new()
        await self._session.send_client_content(first)
        async for event in self._session.turn():
            if isinstance(event, Text):
                break
            if isinstance(event, Resumed) and event.turn_is_lost:
                self.fates[first] = "lost"
                return
        self.fates[first] = "left"
        if seconds:
            await asyncio.sleep(seconds)
        self.fates[second := self._new()] = "left"
        await self._session.send_client_content(second)

    async def _cancel(self, seconds: float) -> None:
        await self._drain()
        question = self._new()
        self.fates[question] = "left"
        try:
            async with asyncio.timeout(seconds):
                await self._answered(question)
        except TimeoutError as error:
            if isinstance(error, GemstreamError):
                raise

    async def _peek(self, seconds: float) -> None:
        """Ask, and read in short looks that are broken off."""
        await self._drain()
        question = self._new()
        await self._session.send_client_content(question)
        text, turn, patience = "", self._session.turn(), PATIENCE * 10
        while patience > 0:
            try:
                async with asyncio.timeout(0.1 + seconds / 50):
                    event = await anext(turn)
            except TimeoutError as error:
                if isinstance(error, GemstreamError):
                    raise
                patience -= 1
            except StopAsyncIteration:
                break
            else:
                if isinstance(event, Text):
                    text += event.text
                elif isinstance(event, TurnCompleted):
                    return self._complete(question, text)
                elif isinstance(event, Resumed) and event.turn_is_lost:
                    return self._lose(question, text)
        assert self.is_closing, "the turn ends without its end"
        self.fates[question] = "left"

    async def _close(self, seconds: float) -> None:
        """Close the session meanwhile."""

        async def close() -> None:
            await asyncio.sleep(seconds)
            self.is_closing = True
            await self._session.aclose()

        self._others.append(asyncio.create_task(close()))

    async def end(self) -> None:
        """End what was begun meanwhile."""
        for other in self._others:
            other.cancel()
        if self._others:
            await asyncio.wait(self._others)
        for other in self._others:
            assert other.cancelled() or other.exception() is None, other

    async def _speak(self, seconds: float) -> None:
        for _ in range(int(min(seconds, 3.0) * 10)):
            now = int(asyncio.get_running_loop().time() * 1000)
            data = now.to_bytes(8, "little")
            await self._session.send_realtime_input(audio=data)
            await asyncio.sleep(0.1)

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _drain(self) -> None:
        """Read what is left of earlier turns."""
        while True:
            try:
                self._session._check_heard()
            except InvalidState:
                await self._read(None)  # as long as ``live`` lets it
            else:
                return

    async def _read(self, question: str | None) -> None:
        """Read a turn, of which nothing was read if it answers ``question``."""
        text = ""
        async for event in self._session.turn():
            if isinstance(event, Text):
                text += event.text
            elif isinstance(event, TurnCompleted) and question:
                return self._complete(question, text)
            elif isinstance(event, Resumed) and event.turn_is_lost:
                told = [
                    part.text
                    for message in event.may_be_lost
                    if message.client_content is not None
                    for turn in message.client_content.turns
                    for part in turn.parts
                ]
                if question:
                    assert question in told or event.forgotten, (question, told)
                    return self._lose(question, text)
        self._check_unmixed(text)
        if question:
            assert self.is_closing, "the turn ends without its end"
            self.fates[question] = "left"

    def _complete(self, question: str, text: str) -> None:
        if self.is_closing:
            self.fates[question] = "left"
            return self._check_unmixed(text)
        assert text == "".join(f"{question}.{number} " for number in range(PIECES)), text
        self._check_unmixed(text)
        self.fates[question] = "answered"

    def _lose(self, question: str, text: str) -> None:
        assert not text or text.startswith(f"{question}."), (question, text)
        self._check_unmixed(text)
        self.fates[question] = "lost"

    def _check_unmixed(self, text: str) -> None:
        pieces = text.split()
        assert len({piece.split(".")[0] for piece in pieces}) <= 1, text
        assert not set(pieces) & set(self.seen), (text, self.seen)
        self.seen += pieces

    def _check_bounds(self) -> None:
        lifeline = self._session._lifeline
        assert lifeline is not None
        assert len(lifeline.ready) < 300
        assert lifeline._memory.resumption.kept_size <= MAX_KEPT_SIZE
        assert lifeline._memory.resumption.kept_audio <= MAX_KEPT_AUDIO


async def f() -> str:
    """Take a moment."""
    await asyncio.sleep(0.3)
    return "done"


async def live(service: FickleService, doing: list[Act]) -> None:
    before = asyncio.all_tasks()
    loop = asyncio.get_running_loop()
    ended = False
    async with contextlib.AsyncExitStack() as stack:
        try:
            client: Any = await stack.enter_async_context(client_of(service))
            session = await stack.enter_async_context(client.live(MODEL, tools=[f]))
        except GemstreamError:
            return
        user = User(session)
        for act in doing:
            try:
                async with asyncio.timeout(PATIENCE + act.seconds * 10):
                    await user.act(act)
            except GemstreamError as error:
                assert session._lifeline is not None and session._lifeline.is_over, repr(error)
                ended = True
                break
            except TimeoutError:
                raise AssertionError(f"{act} hangs: {session!r}") from None
        await user.end()
        fates = list(user.fates.values())
        assert not {"open"} & set(fates[: -1 if ended else None]), user.fates
        closing = loop.time()
        await session.aclose()
        assert loop.time() - closing <= 2
    await asyncio.sleep(2)
    assert asyncio.all_tasks() == before
    firsts = list(dict.fromkeys(service.asked))
    assert firsts == sorted(firsts, key=lambda question: int(question[1:]))
    assert not service.faults, service.faults


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.lists(connections, max_size=6),
    st.lists(questions, max_size=6),
    st.lists(acts, min_size=1, max_size=8),
)
def test_no_answer_comes_twice_and_none_is_lost_untold(
    fates: list[Connection], answers: list[Question], doing: list[Act]
) -> None:
    first = [fates[0]._replace(setup="accept")] if fates else []
    service = FickleService(first + fates[1:], answers)
    with asyncio.Runner(loop_factory=BoundedLoop) as runner:
        runner.run(live(service, doing))
