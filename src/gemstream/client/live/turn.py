"""One turn of the model: as events, as pieces of text, as a whole answer.

A turn does not consume its session: leaving it leaves the rest of its events to whoever reads next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from ...errors import StreamInterrupted
from ...policy.live.resumed import Resumed, SessionEvent
from ...policy.live.server_event import (
    Audio,
    InputTranscribed,
    Interrupted,
    OtherPart,
    OutputTranscribed,
    Text,
    Thought,
    ToolCallCancelled,
    ToolCalled,
    TurnCompleted,
    UsageReported,
)
from ...wire.content import FunctionCall, Part
from ...wire.live.server_message import TurnCompleteReason
from ...wire.usage import UsageMetadata

__all__ = ("EventSource", "LiveAnswer", "LiveText", "LiveTurn", "is_lost")


# What a repr leaves out; the speech of an answer is too long to be shown, too.
_NOTHING = ("", b"", (), None, False)


class EventSource(Protocol):
    """What a turn reads from: a session."""

    def left_to_answer(self, calls: Sequence[FunctionCall]) -> Sequence[FunctionCall]:
        """Return those of ``calls`` that are not run for the caller."""
        ...

    async def __anext__(self) -> SessionEvent:
        """Return the next event."""
        ...


class LiveAnswer(msgspec.Struct, frozen=True):
    """What the model said in a turn, or until it asked for functions that are the caller's to run.

    ``text`` is what it said in writing, or else ``output_transcription``: its speech in writing,
    unless the setup switched that off. ``audio``: PCM of 16 bits, mono, of the rate that
    ``audio_type`` names. ``calls``: functions that wait to be answered; ``is_complete`` is then
    False, and the rest is read by another turn. ``reason``: why the turn ended otherwise than by
    all being said.
    """

    text: str = ""
    thoughts: str = ""
    audio: bytes = b""
    audio_type: str = ""
    input_transcription: str = ""
    output_transcription: str = ""
    other_parts: Sequence[Part] = ()
    calls: Sequence[FunctionCall] = ()
    usage: UsageMetadata | None = None
    reason: TurnCompleteReason | None = None
    is_interrupted: bool = False
    is_complete: bool = False

    def __repr__(self) -> str:
        given = (
            f"{name}={f'{len(value):,} bytes' if name == 'audio' else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
            if value not in _NOTHING
        )
        return f"LiveAnswer({', '.join(given)})"


class LiveTurn:
    """The events of a turn, to its end; iterable once.

    It ends behind TurnCompleted, behind a Resumed that lost the turn, and when the session is
    closed here. Raises what the session's iteration raises. Cancelling loses nothing.
    """

    __slots__ = ("_is_over", "_session")

    def __init__(self, session: EventSource) -> None:
        self._session = session
        self._is_over = False

    def __aiter__(self) -> LiveTurn:
        return self

    async def __anext__(self) -> SessionEvent:
        if self._is_over:
            raise StopAsyncIteration
        event = await self._session.__anext__()
        self._is_over = isinstance(event, TurnCompleted) or is_lost(event)
        return event

    async def finish(self) -> LiveAnswer:
        """Return what is said from here: to the end, or until calls are left to the caller.

        Raises StreamInterrupted when the connection broke in the middle of it, with what was said
        as its ``partial``; the session goes on, and the answer can be asked for again. Raises what
        the iteration raises. Cancelling loses what was read.
        """
        answer = _Gathered()
        async for event in self:
            if is_lost(event):
                raise _lost_turn(answer.finish().text)
            if isinstance(event, ToolCalled):
                if left := self._session.left_to_answer(event.calls):
                    answer.receive(ToolCalled(left))
                    break
            else:
                answer.receive(event)
        return answer.finish()


class LiveText:
    """The answer to a text as pieces of text, of speech its transcription; iterable once.

    The text is sent when the first piece is asked for. It ends with the turn, and when the model
    asks for functions that are the caller's to run: ``calls`` are those that wait to be answered.
    What is neither text nor a call is passed over; ``session.turn()`` shows all. Raises
    StreamInterrupted as ``LiveTurn.finish`` does. Cancelling loses nothing.
    """

    __slots__ = ("_said", "_send", "_session", "_turn", "calls")

    def __init__(self, session: EventSource, send: Callable[[], Awaitable[None]]) -> None:
        self._session = session
        self._turn = LiveTurn(session)
        self._send: Callable[[], Awaitable[None]] | None = send
        self.calls: Sequence[FunctionCall] = ()
        self._said: list[str] = []

    def __aiter__(self) -> LiveText:
        return self

    async def __anext__(self) -> str:
        if self._send is not None:
            send, self._send = self._send, None
            await send()
        while not self.calls:
            event = await self._turn.__anext__()
            if isinstance(event, Text | OutputTranscribed) and event.text:
                self._said.append(event.text)
                return event.text
            if isinstance(event, ToolCalled):
                self.calls = self._session.left_to_answer(event.calls)
            elif is_lost(event):
                raise _lost_turn("".join(self._said))
        raise StopAsyncIteration


def is_lost(event: SessionEvent) -> bool:
    """True for the event behind which an open turn will not go on."""
    return isinstance(event, Resumed) and event.turn_is_lost


def _lost_turn(partial: str) -> StreamInterrupted:
    error = StreamInterrupted(
        "the connection broke while the model was answering; the session goes on in another one, "
        "but the rest of this answer is lost: ask again"
    )
    error.partial = partial
    return error


class _Gathered:
    """An answer as it grows."""

    __slots__ = ("_audio", "_calls", "_facts", "_other_parts", "_texts")

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._audio: list[bytes] = []
        self._other_parts: list[Part] = []
        self._calls: dict[str, FunctionCall] = {}
        self._facts: dict[str, Any] = {}

    def receive(self, event: SessionEvent) -> None:
        if isinstance(event, Text | Thought | OutputTranscribed | InputTranscribed):
            if not (isinstance(event, InputTranscribed) and event.interim):
                self._texts.setdefault(_TEXTS[type(event)], []).append(event.text)
        elif isinstance(event, Audio):
            self._audio.append(event.data)
            self._facts.setdefault("audio_type", event.mime_type)
        elif isinstance(event, OtherPart):
            self._other_parts.append(event.part)
        elif isinstance(event, ToolCalled):
            self._calls |= {call.id or call.name or "": call for call in event.calls}
        elif isinstance(event, ToolCallCancelled):
            for key in event.ids:
                self._calls.pop(key, None)
        elif isinstance(event, UsageReported):
            self._facts["usage"] = event.usage
        elif isinstance(event, Interrupted):
            self._facts["is_interrupted"] = True
        elif isinstance(event, TurnCompleted):
            self._facts |= {"is_complete": True, "reason": event.reason}

    def finish(self) -> LiveAnswer:
        texts: dict[str, Any] = {name: "".join(said) for name, said in self._texts.items()}
        texts.setdefault("text", texts.get("output_transcription", ""))
        return LiveAnswer(
            **self._facts,
            **texts,
            audio=b"".join(self._audio),
            other_parts=tuple(self._other_parts),
            calls=tuple(self._calls.values()),
        )


_TEXTS: dict[type, str] = {
    Text: "text",
    Thought: "thoughts",
    InputTranscribed: "input_transcription",
    OutputTranscribed: "output_transcription",
}
