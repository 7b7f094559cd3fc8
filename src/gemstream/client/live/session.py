"""A Live session: what a program says, and what it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, TypeAlias

from ...errors import GemstreamError, InvalidRequest, InvalidState
from ...policy.capability import answers_client_content
from ...policy.live.resumed import SessionEvent
from ...policy.live.server_event import TurnCompleted
from ...telemetry.live_events import LiveStats
from ...wire.content import Blob, Content, FunctionCall, FunctionResponse
from ...wire.live.client_message import (
    ActivityEnd,
    ActivityStart,
    ClientContent,
    ClientMessage,
    RealtimeInput,
    ToolResponse,
)
from ..prompt import Prompt, contents_of
from ..tools.registry import ToolRegistry
from .lifeline import Lifeline
from .observation import Ended, LiveObservation, Told
from .pacing import Pacing
from .tool_runner import FOR_FUNCTIONS, ToolRunner
from .turn import LiveAnswer, LiveText, LiveTurn, is_lost

__all__ = ("AUDIO_TYPE", "VIDEO_TYPE", "LiveSession", "Opening")

AUDIO_TYPE = "audio/pcm;rate=16000"
VIDEO_TYPE = "image/jpeg"

Opening: TypeAlias = Callable[[Told, Ended], Awaitable[Lifeline]]
"""Opens a session's lifeline, which tells of each event, and of the end."""


class LiveSession:
    """A conversation that goes on: opened by ``async with``, which also closes it.

    What is said in words waits for its turn where messages are limited: see ``LiveRateLimiter``.

    ``async for event in session`` gives everything that happens, over all turns, until the session
    is closed: here, or by the service with a normal close between turns. It outlives connections:
    at the service's farewell and after a loss it goes on in another one, and tells so by the events
    ``Disconnected`` and ``Resumed``. What ends it is raised: SessionClosedOK, SessionClosedError,
    and what kept another connection from coming about; IdleTimeout when an answer was due;
    ProtocolError and APIError for what the service sent. One task may read while others send.
    Cancelling a read loses nothing, and the session stays open.
    """

    __slots__ = (
        "_handle",
        "_is_closed",
        "_lifeline",
        "_observation",
        "_open",
        "_pacing",
        "_reading",
        "_runner",
        "model",
    )

    def __init__(
        self,
        opening: Opening,
        pacing: Pacing,
        registry: ToolRegistry,
        observation: LiveObservation,
        *,
        model: str,
        handle: str | None,
    ) -> None:
        self.model = model
        self._observation = observation
        self._pacing = pacing
        self._runner = ToolRunner(registry, self.send_tool_response)
        self._open: Opening | None = opening
        self._handle = handle  # the one it goes on from, until it is open
        self._lifeline: Lifeline | None = None
        self._reading = False
        self._is_closed = False

    @property
    def handle(self) -> str | None:
        """The newest handle to ``resume`` from, in another process too; None without one.

        The service takes it for two hours after the session's end.
        """
        return self._handle if self._lifeline is None else self._lifeline.handle

    @property
    def is_in_turn(self) -> bool:
        """True while the model owes an answer or is giving one."""
        return self._lifeline is not None and self._lifeline.is_in_turn

    @property
    def open_calls(self) -> tuple[str, ...]:
        """The ids of the function calls that wait for a response, also of those run for you."""
        return () if self._lifeline is None else self._lifeline.protocol.open_calls

    @property
    def stats(self) -> LiveStats:
        """What the session has done so far, in numbers; also once it is over."""
        return self._observation.stats

    def left_to_answer(self, calls: Sequence[FunctionCall]) -> list[FunctionCall]:
        """Return those of ``calls`` that wait for your ``send_tool_response``.

        The others call functions that the session was given as tools, and are run for you.
        """
        return self._runner.left(calls)

    async def send_text(self, text: str) -> LiveAnswer:
        """Say ``text`` and return the whole answer, or what came until you must answer calls.

        Raises InvalidState while the model owes another answer, and what the iteration raises.
        Cancelled, the rest of the answer is still to be read.
        """
        await self._ask(text)
        return await self.turn().finish()

    def send_text_stream(self, text: str) -> LiveText:
        """Return the answer to ``text`` as pieces of text; the session goes on after it.

        The text is sent when the first piece is asked for; raises as ``send_text`` does then.
        """
        return LiveText(self, lambda: self._ask(text))

    async def send_client_content(
        self, turns: Prompt | None = None, *, turn_complete: bool = True
    ) -> None:
        """Add turns to the conversation; this interrupts the model.

        ``turns``: text, parts, contents, or a sequence of these. ``turn_complete``: the model is to
        answer now. Raises InvalidRequest and InvalidState before anything is sent.
        """
        _check_switch("turn_complete", turn_complete)
        contents = [] if turns is None else _contents(turns)
        content = ClientContent(turns=contents, turn_complete=turn_complete)
        await self._send(ClientMessage(client_content=content))

    async def send_realtime_input(
        self,
        *,
        audio: bytes | Blob | None = None,
        video: bytes | Blob | None = None,
        text: str | None = None,
        activity_start: bool = False,
        activity_end: bool = False,
        audio_stream_end: bool = False,
    ) -> None:
        """Send exactly one piece of what happens at this moment.

        ``audio``: bytes are PCM of 16 bits, little-endian, mono, 16 kHz. ``video``: bytes are one
        JPEG picture. Raises InvalidRequest, UnsupportedMedia and InvalidState before anything is
        sent.
        """
        for name, switch in (
            ("activity_start", activity_start),
            ("activity_end", activity_end),
            ("audio_stream_end", audio_stream_end),
        ):
            _check_switch(name, switch)
        realtime = RealtimeInput(
            audio=_blob(audio, AUDIO_TYPE),
            video=_blob(video, VIDEO_TYPE),
            text=text,
            activity_start=ActivityStart() if activity_start else None,
            activity_end=ActivityEnd() if activity_end else None,
            audio_stream_end=audio_stream_end or None,
        )
        await self._send(ClientMessage(realtime_input=realtime))

    async def send_tool_response(
        self, responses: FunctionResponse | Sequence[FunctionResponse]
    ) -> None:
        """Send what functions returned, each with the id of its call.

        A response may set its ``scheduling`` and ``will_continue``. Raises InvalidRequest for an id
        that no call has, InvalidState for a call that was answered or cancelled already.
        """
        response = ToolResponse(function_responses=_responses(responses))
        await self._send(ClientMessage(tool_response=response))

    def turn(self) -> LiveTurn:
        """Return the events up to the end of the turn; the session goes on after it."""
        return LiveTurn(self)

    def __aiter__(self) -> LiveSession:
        return self

    async def __anext__(self) -> SessionEvent:
        lifeline = self._opened()
        ready = lifeline.ready
        while not ready:
            if lifeline.is_over:
                raise lifeline.failure or StopAsyncIteration
            if self._reading:
                raise InvalidState("the session is already being read by another task")
            self._reading = True
            try:
                await lifeline.read()
            finally:
                self._reading = False
        return ready.pop(0)

    async def aclose(self) -> None:
        """End the session and wait, for a bounded moment, until it is gone; again is harmless.

        Functions that run are cancelled. Whoever reads meanwhile sees a plain end. Cancelling
        breaks the connection off.
        """
        self._open = None
        self._is_closed = True
        self._pacing.close()
        try:
            if self._lifeline is not None:
                await self._lifeline.close()
        finally:
            self._observation.closed()
            await self._runner.aclose()

    async def __aenter__(self) -> LiveSession:
        if self._open is None:
            raise InvalidState("a Live session is opened once; ask the client for another")
        opening, self._open = self._open, None
        self._lifeline = await opening(self._receive, self._end)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        lifeline = self._lifeline
        if lifeline is None:
            return f"<LiveSession {self.model} {'over' if self._is_closed else 'not open'}>"
        return f"<LiveSession {self.model} {lifeline.state}>"

    def _opened(self) -> Lifeline:
        if self._lifeline is None:
            raise InvalidState(
                "the session is not open; use 'async with client.live(…) as session'"
            )
        return self._lifeline

    async def _ask(self, text: str) -> None:
        _check_text(text)
        if answers_client_content(self.model):
            content = ClientContent(turns=_contents(text), turn_complete=True)
            message = ClientMessage(client_content=content)
        else:
            message = ClientMessage(realtime_input=RealtimeInput(text=text))
        await self._send(message, self._check_heard)

    def _check_heard(self) -> None:
        """Raise InvalidState while an answer is due, or not read to its end."""
        ready = self._opened().ready
        is_unread = any(isinstance(event, TurnCompleted) or is_lost(event) for event in ready)
        if self.is_in_turn or is_unread:
            raise InvalidState(
                "an earlier turn is not read to its end, which would pass for the answer; read "
                "session.turn() first, or interrupt it by send_client_content"
            )

    async def _send(self, message: ClientMessage, check: Callable[[], None] | None = None) -> None:
        """Send a message when its turn has come; ``check``: what must hold then, and before."""
        lifeline = self._opened()
        lifeline.check_open()
        if check is not None:
            check()
        if not self._pacing.counts(message):
            return await lifeline.send(message, check)
        lifeline.check(message)
        async with self._pacing.turn():
            await lifeline.send(message, check)

    def _receive(self, event: SessionEvent) -> None:
        if type(event) in FOR_FUNCTIONS:
            self._runner.receive(event)
        self._observation.receive(event)

    def _end(self, error: GemstreamError | None) -> None:
        self._pacing.close()
        self._observation.ended(error)


def _check_text(text: object) -> None:
    if not isinstance(text, str) or not text:
        raise InvalidRequest(f"the text is {text!r:.80}; send words")


def _check_switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} is {value!r:.80}; it takes True or False")


def _responses(given: object) -> list[FunctionResponse]:
    is_list = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    items: list[Any] = [*given] if is_list else [given]  # type: ignore[misc]
    for item in items:
        if not isinstance(item, FunctionResponse):
            raise InvalidRequest(
                "a tool response is a FunctionResponse(id=…, name=…, response={…}) or a list of "
                f"these, not {item!r:.80}"
            )
    return items


def _contents(turns: Prompt) -> list[Content]:
    contents, unread = contents_of(turns)
    if unread:
        raise InvalidRequest(
            f"{unread[0].path} cannot be sent from its path in a Live session; read it and pass "
            "Part.of_bytes(content, mime_type)"
        )
    return contents


def _blob(data: object, mime_type: str) -> Blob | None:
    """Return bytes as what they are taken for; anything else is judged before it is sent."""
    if isinstance(data, bytes | bytearray | memoryview):
        return Blob.of(bytes(data), mime_type)
    return data  # type: ignore[return-value]  # check_realtime tells what it must be
