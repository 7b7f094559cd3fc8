"""A user of a Live session, and what he sees: in few words, so that a table can say it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gemstream.client.live import events
from gemstream.client.live.session import LiveSession
from gemstream.emulator import Emulator
from gemstream.errors import GemstreamError
from gemstream.wire.live.client_message import ClientMessage

__all__ = (
    "Back",
    "Called",
    "Cancelled",
    "Deed",
    "Done",
    "Failed",
    "Farewell",
    "Gone",
    "Heard",
    "Interrupted",
    "Over",
    "Said",
    "Seen",
    "Sounded",
    "Talk",
    "Unknown",
)

_BYTES_A_SECOND = 2 * 24_000
_IN_FULL = 40


class Said(NamedTuple):
    """What the model said in writing, adjacent pieces as one."""

    text: str


class Sounded(NamedTuple):
    """Seconds of speech, adjacent pieces as one."""

    seconds: float


class Heard(NamedTuple):
    """What the service understood of the user's speech."""

    text: str


class Called(NamedTuple):
    """A function that the model asks for."""

    name: str


class Cancelled(NamedTuple):
    """So many calls are not waited for any more."""

    count: int


class Interrupted(NamedTuple):
    """The user has cut the model short."""


class Done(NamedTuple):
    """The turn is complete."""


class Farewell(NamedTuple):
    """The service says that it will close."""

    seconds: float


class Gone(NamedTuple):
    """``Disconnected``."""

    code: int
    is_planned: bool = False


class Back(NamedTuple):
    """``Resumed``; ``lost``: ``may_be_lost`` in words."""

    restored: bool = True
    turn_is_lost: bool = False
    lost: tuple[str, ...] = ()
    forgotten: int = 0
    repeated: int = 0
    history: int = 0
    attempts: int = 1


class Unknown(NamedTuple):
    """Fields without a name here."""

    fields: str


class Over(NamedTuple):
    """The iteration ended plainly."""


class Failed(NamedTuple):
    """An error of exactly this class; ``code``: of the close or of HTTP."""

    kind: type[GemstreamError]
    code: int | None = None
    partial: str = ""

    @classmethod
    def of(cls, error: GemstreamError) -> Failed:
        """Return ``error`` in short."""
        return cls(type(error), getattr(error, "code", None), error.partial)


Seen = (
    Said
    | Sounded
    | Heard
    | Called
    | Cancelled
    | Interrupted
    | Done
    | Farewell
    | Gone
    | Back
    | Unknown
    | Over
    | Failed
)


class Talk:
    """One session in a user's hands; ``seen`` is what he has been told so far."""

    def __init__(self, session: LiveSession, emulator: Emulator, seen: list[Seen]) -> None:
        self.session = session
        self.emulator = emulator
        self.seen = seen

    async def ask(self, prompt: str = "Hi") -> None:
        """Say ``prompt`` and do not wait."""
        await self.session.send_client_content(prompt)

    async def turn(self) -> None:
        """See the turn to its end, or to its loss."""
        async for event in self.session.turn():
            self._note(event)

    async def until(self, kind: type) -> None:
        """See all up to the next event of this kind, or the end."""
        async for event in self.session:
            self._note(event)
            if isinstance(event, kind):
                return
        self.seen.append(Over())

    def _note(self, event: events.SessionEvent) -> None:
        if isinstance(event, _UNTOLD):
            return
        seen = _TELLERS[type(event)](event)
        last = self.seen[-1] if self.seen else None
        if isinstance(seen, Said) and isinstance(last, Said):
            self.seen[-1] = Said(last.text + seen.text)
        elif isinstance(seen, Sounded) and isinstance(last, Sounded):
            self.seen[-1] = Sounded(round(last.seconds + seen.seconds, 3))
        else:
            self.seen.append(seen)


Deed = Callable[[Talk], Awaitable[None]]
"""What the user does."""

# They stand beside what is told here, in every turn alike.
_UNTOLD = (
    events.ResumptionUpdated,
    events.UsageReported,
    events.GenerationCompleted,
    events.WaitingForInput,
    events.VoiceActivityHeard,
)
_TELLERS: Mapping[type, Callable[[Any], Seen]] = {
    events.Text: lambda event: Said(event.text),
    events.OutputTranscribed: lambda event: Said(event.text),
    events.Audio: lambda event: Sounded(len(event.data) / _BYTES_A_SECOND),
    events.InputTranscribed: lambda event: Heard(event.text),
    events.ToolCalled: lambda event: Called(", ".join(call.name for call in event.calls)),
    events.ToolCallCancelled: lambda event: Cancelled(len(event.ids)),
    events.Interrupted: lambda event: Interrupted(),
    events.TurnCompleted: lambda event: Done(),
    events.GoingAway: lambda event: Farewell(event.time_left),
    events.Disconnected: lambda event: Gone(event.code, event.is_planned),
    events.UnknownFields: lambda event: Unknown(", ".join(event.fields)),
    events.Resumed: lambda event: Back(
        restored=event.state_restored,
        turn_is_lost=event.turn_is_lost,
        lost=_words(event.may_be_lost),
        forgotten=event.forgotten,
        repeated=event.repeated,
        history=event.history_turns,
        attempts=event.attempts,
    ),
}


def _words(messages: Sequence[ClientMessage]) -> tuple[str, ...]:
    return tuple(_word(message) for message in messages)


def _word(message: ClientMessage) -> str:
    content, response = message.client_content, message.tool_response
    if content is not None:
        return "".join(part.text or "" for turn in content.turns for part in turn.parts)[:_IN_FULL]
    if response is not None:
        return "the result of " + ", ".join(one.name or "" for one in response.function_responses)
    assert message.realtime_input is not None
    return message.realtime_input.text or "of the moment"
