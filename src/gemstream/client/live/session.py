"""A Live session: what a program says, and what it is told.

Pull, not push: no task reads, the program's own await does. So what nobody reads waits at the
service, and the service's pings are answered while somebody reads; ours go out all the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import TypeAlias

from ...errors import GemstreamError, InvalidRequest, InvalidState, SessionClosedOK
from ...policy.capability import answers_client_content
from ...policy.live.reconnection import closed_error
from ...policy.live.server_event import Closed, ServerEvent, TurnCompleted
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
from .connection import LiveConnection
from .tool_runner import ToolRunner
from .turn import LiveAnswer, LiveText, LiveTurn

__all__ = ("AUDIO_TYPE", "VIDEO_TYPE", "LiveSession", "Opening")

AUDIO_TYPE = "audio/pcm;rate=16000"
VIDEO_TYPE = "image/jpeg"

Opening: TypeAlias = Callable[[], Awaitable[tuple[LiveConnection, list[ServerEvent]]]]


class LiveSession:
    """A conversation that goes on: opened by ``async with``, which also closes it.

    ``async for event in session`` gives everything that happens, over all turns, until the session
    is closed: here, or by the service with a normal close between turns. Every other end is raised:
    SessionClosedOK, SessionClosedError; IdleTimeout when an answer was due; ProtocolError and
    APIError for what the service sent. One task may read while others send. Cancelling a read loses
    nothing, and the session stays open.
    """

    __slots__ = (
        "_connection",
        "_failure",
        "_handle",
        "_is_over",
        "_open",
        "_reading",
        "_ready",
        "_runner",
        "model",
    )

    def __init__(
        self,
        opening: Opening,
        *,
        model: str,
        handle: str | None,
        registry: ToolRegistry | None = None,
    ) -> None:
        self.model = model
        registry = ToolRegistry(leaves_unknown=True) if registry is None else registry
        self._runner = ToolRunner(registry, self.send_tool_response)
        self._open: Opening | None = opening
        self._handle = handle  # the one it goes on from, until the service gives another
        self._connection: LiveConnection | None = None
        self._ready: deque[ServerEvent] = deque()  # of one message
        self._reading = False
        self._is_over = False
        self._failure: GemstreamError | None = None

    @property
    def handle(self) -> str | None:
        """The newest handle to ``resume`` from, in another process too; None without one.

        The service takes it for two hours after the session's end.
        """
        newest = None if self._connection is None else self._connection.protocol.handle
        return newest or self._handle

    @property
    def is_in_turn(self) -> bool:
        """True while the model owes an answer or is giving one."""
        return self._connection is not None and self._connection.protocol.is_in_turn

    @property
    def open_calls(self) -> tuple[str, ...]:
        """The ids of the function calls that wait for a response, also of those run for you."""
        return () if self._connection is None else self._connection.protocol.open_calls

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
        given = [responses] if isinstance(responses, FunctionResponse) else list(responses)
        response = ToolResponse(function_responses=given)
        await self._send(ClientMessage(tool_response=response))

    def turn(self) -> LiveTurn:
        """Return the events up to the end of the turn; the session goes on after it."""
        return LiveTurn(self)

    def __aiter__(self) -> LiveSession:
        return self

    async def __anext__(self) -> ServerEvent:
        ready = self._ready
        while not ready:
            if self._is_over:
                raise self._failure or StopAsyncIteration
            await self._read(self._opened())
        return ready.popleft()

    async def aclose(self) -> None:
        """End the session and wait, for a bounded moment, until it is gone; again is harmless.

        Functions that run are cancelled. Whoever reads meanwhile sees a plain end. Cancelling
        breaks the connection off.
        """
        self._open = None
        try:
            if self._connection is not None and not self._is_over:
                self._is_over = True
                await self._connection.close()
        finally:
            self._is_over = True
            await self._runner.aclose()

    async def __aenter__(self) -> LiveSession:
        if self._open is None:
            raise InvalidState("a Live session is opened once; ask the client for another")
        opening, self._open = self._open, None
        self._connection, events = await opening()
        self._take(self._connection, events)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        state = "not open" if self._connection is None else self._connection.protocol.state.value
        return f"<LiveSession {self.model} {'over' if self._is_over else state}>"

    def _opened(self) -> LiveConnection:
        if self._connection is None:
            raise InvalidState(
                "the session is not open; use 'async with client.live(…) as session'"
            )
        return self._connection

    def _sendable(self) -> LiveConnection:
        connection = self._opened()
        if self._is_over:
            raise self._failure or InvalidState("the session is closed; open another one")
        return connection

    async def _ask(self, text: str) -> None:
        _check_text(text)
        self._sendable()
        is_unread = any(isinstance(event, TurnCompleted) for event in self._ready)
        if self.is_in_turn or is_unread:
            raise InvalidState(
                "an earlier turn is not read to its end, which would pass for the answer; read "
                "session.turn() first, or interrupt it by send_client_content"
            )
        if answers_client_content(self.model):
            await self.send_client_content(text)
        else:
            await self.send_realtime_input(text=text)

    async def _send(self, message: ClientMessage) -> None:
        await self._sendable().send(message)

    async def _read(self, connection: LiveConnection) -> None:
        """Take in the events of one message, or the end."""
        if self._reading:
            raise InvalidState("the session is already being read by another task")
        self._reading = True
        try:
            events = await connection.receive()
        except GemstreamError as error:
            self._end(error)
        else:
            self._take(connection, events)
        finally:
            self._reading = False

    def _take(self, connection: LiveConnection, events: list[ServerEvent]) -> None:
        closed = events[-1] if events else None
        if isinstance(closed, Closed):
            events.pop()
            error = closed_error(closed, handle=self.handle)
            is_plain = isinstance(error, SessionClosedOK) and not closed.in_turn
            self._end(None if is_plain else error)
            connection.abort()
        for event in events:
            self._runner.receive(event)
        self._ready.extend(events)

    def _end(self, error: GemstreamError | None) -> None:
        if not self._is_over:  # else it was closed here, whatever its reader met
            self._is_over = True
            self._failure = error


def _check_text(text: object) -> None:
    if not isinstance(text, str) or not text:
        raise InvalidRequest(f"the text is {text!r:.80}; send words")


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
