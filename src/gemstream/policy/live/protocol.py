"""One connection of a Live session: messages → bytes, bytes → events, and what may come when.

One class serves both ends, so that client and emulator cannot drift: what ``LiveProtocol(CLIENT)``
sends, ``LiveProtocol(SERVER)`` receives. It holds no clock and no socket. What its own end does
wrong is refused before anything is sent, and changes nothing; what the other end does wrong is a
ProtocolError, after which every call raises it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ...errors import DecodeError, GemstreamError, InvalidRequest, InvalidState, ProtocolError
from ...wire.codec import Message, decode, encode
from ...wire.live.client_message import ClientMessage, RealtimeInput
from ...wire.live.close_code import NO_CLOSE_FRAME
from ...wire.live.server_message import ServerMessage
from .client_event import ClientEvent
from .client_messages import ClientMessages
from .progress import Progress, SessionState
from .realtime_check import check_realtime
from .server_event import Closed, ServerEvent, ToolCallCancelled
from .server_messages import ServerMessages

__all__ = ("CLIENT", "MAX_MESSAGE_SIZE", "SERVER", "LiveProtocol", "Role")

# A picture of 6 MB fits as base64. The service's own limit is not known; the 1 MiB at which most
# libraries stop is below what it sends.
MAX_MESSAGE_SIZE = 8 * 1024 * 1024
_EXCERPT = 200

S = TypeVar("S", bound=Message)
R = TypeVar("R", bound=Message)
E = TypeVar("E")
X = TypeVar("X")


class _Messages(Protocol[S, E]):
    """The rules of all that passes in one direction."""

    kind: type[S]

    def check(self, message: S, progress: Progress, /) -> None: ...

    def check_ours(self, message: S, progress: Progress, /) -> None: ...

    def advance(self, message: S, progress: Progress, /) -> None: ...

    def events(self, message: S, progress: Progress, /) -> list[E]: ...


class Role(Generic[S, E]):
    """One end of a session: ``CLIENT`` or ``SERVER``; how it sends and how it receives."""

    __slots__ = ("check", "name", "note", "receive")

    def __init__(self, name: str, sends: _Messages[S, X], receives: _Messages[R, E]) -> None:
        self.name = name

        def check(message: S, progress: Progress) -> None:
            sends.check(message, progress)
            sends.check_ours(message, progress)

        self.check: Callable[[S, Progress], None] = check
        self.note: Callable[[S, Progress], None] = sends.advance
        self.receive: Callable[[bytes, Progress], list[E]] = _receiver(receives)

    def __repr__(self) -> str:
        return self.name


def _receiver(messages: _Messages[R, E]) -> Callable[[bytes, Progress], list[E]]:
    check, events_of, advance, kind = (
        messages.check,
        messages.events,
        messages.advance,
        messages.kind,
    )

    def receive(payload: bytes, progress: Progress) -> list[E]:
        message = decode(payload, kind)
        try:
            check(message, progress)
        except (InvalidRequest, InvalidState) as error:
            excerpt = payload[:_EXCERPT]
            raise ProtocolError(
                f"the other end broke the order of the session: {error}", excerpt=excerpt
            ) from None
        events = events_of(message, progress)
        advance(message, progress)
        return events

    return receive


CLIENT: Role[ClientMessage, ServerEvent] = Role("CLIENT", ClientMessages(), ServerMessages())
SERVER: Role[ServerMessage, ClientEvent] = Role("SERVER", ServerMessages(), ClientMessages())


class LiveProtocol(Generic[S, E]):
    """The conversation of one connection, as one end of it sees it.

    ``is_constrained``: the session is opened with an ephemeral token, so what the setup does not
    say may be settled all the same and is not checked.
    """

    __slots__ = ("_failure", "_max_message_size", "_progress", "_role")

    def __init__(
        self,
        role: Role[S, E],
        *,
        max_message_size: int = MAX_MESSAGE_SIZE,
        is_constrained: bool = False,
    ) -> None:
        self._role = role
        self._max_message_size = max_message_size
        self._progress = Progress(is_constrained=is_constrained)
        self._failure: GemstreamError | None = None

    @property
    def state(self) -> SessionState:
        """What the session waits for; after a failure, what it waited for then."""
        return self._progress.state

    @property
    def failure(self) -> GemstreamError | None:
        """What the other end did wrong, if it did."""
        return self._failure

    @property
    def is_in_turn(self) -> bool:
        """True while the model owes an answer or is giving one."""
        return self._progress.state is SessionState.IN_TURN

    @property
    def has_output(self) -> bool:
        """True once the model has said something in the open turn."""
        return self._progress.has_output

    @property
    def owed(self) -> int:
        """How many turns of the user wait for an answer, as far as one can tell."""
        return self._progress.owed

    @property
    def is_speaking(self) -> bool:
        """True between the client's activity start and its end, also once the session is closed."""
        return self._progress.is_speaking

    @property
    def awaits_functions(self) -> bool:
        """True while the open turn may be silent because of a tool call.

        A call that is open when its turn ends is one that the model does not wait for
        (``NON_BLOCKING``): later turns go on beside it.
        """
        return self._progress.calls.is_awaited

    @property
    def awaits_model(self) -> bool:
        """True while the open turn is the model's to go on with: it waits for no function."""
        progress = self._progress  # asked for at each message, in one step
        return progress.state is SessionState.IN_TURN and not progress.calls.is_awaited

    @property
    def handle(self) -> str | None:
        """The newest handle to resume from; None when the service gave none."""
        return self._progress.handle

    @property
    def open_calls(self) -> tuple[str, ...]:
        """The ids of the tool calls that wait for a response."""
        return self._progress.calls.open_ids

    def send(self, message: S) -> bytes:
        """Return the payload of ``message``, once it is sure that it may be sent now.

        The client's payloads belong into text frames, the service's into binary ones. Raises
        InvalidRequest and InvalidState; then nothing has changed.
        """
        payload = self._payload(message)
        self._role.note(message, self._progress)
        return payload

    def check(self, message: S) -> None:
        """Raise what ``send`` would raise now; it may be another thing when it is sent later."""
        self._payload(message)

    def _payload(self, message: S) -> bytes:
        self._check()
        self._role.check(message, self._progress)
        payload = encode(message)
        if len(payload) > self._max_message_size:
            raise InvalidRequest(
                f"the message has {len(payload):,} bytes, more than max_message_size of "
                f"{self._max_message_size:,}; send less at once, as by the Files API"
            )
        return payload

    def follow(self, before: LiveProtocol[S, E]) -> None:
        """Take over what became of the calls of a connection that is over, to tell it."""
        self._progress.calls = before._progress.calls

    def defer(self, realtime: RealtimeInput) -> None:
        """Judge realtime input that waits for the next connection, as if it were sent in this one.

        Raises InvalidRequest, UnsupportedMedia and InvalidState; then nothing has changed.
        """
        check_realtime(realtime, self._progress)
        if realtime.activity_start is not None or realtime.activity_end is not None:
            self._progress.is_speaking = realtime.activity_start is not None

    def receive(self, payload: bytes | str) -> list[E]:
        """Return the events in the payload of one frame, text or binary.

        Raises DecodeError for what is no message, ProtocolError for one that may not come now or
        is larger than ``max_message_size``, APIError for one that holds the service's error.
        """
        self._check()
        try:
            return self._role.receive(self._readable(payload), self._progress)
        except GemstreamError as error:
            self._failure = error
            raise

    def receive_close(
        self, code: int | None = None, reason: str = ""
    ) -> list[ToolCallCancelled | Closed]:
        """Return what the end of the connection means; None is one without a close frame.

        It may come at any time, once: after it nothing can be sent or received. Tool calls that
        were open are cancelled first.
        """
        state = self._progress.state
        if state is SessionState.CLOSED:
            return []
        closed = Closed(
            NO_CLOSE_FRAME if code is None else code,
            reason,
            in_setup=state in (SessionState.CONNECTING, SessionState.SETTING_UP),
            in_turn=state is SessionState.IN_TURN,
        )
        calls = self._progress.close()
        return [ToolCallCancelled(calls), closed] if calls else [closed]

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._progress.state is SessionState.CLOSED:
            raise InvalidState("the session is closed; open another one")

    def _readable(self, payload: bytes | str) -> bytes:
        """Return a text frame as the bytes it came in; raises ProtocolError when it is too big."""
        data = payload if isinstance(payload, bytes) else _utf8(payload)
        if len(data) > self._max_message_size:
            raise ProtocolError(
                f"a message of {len(data):,} bytes came, more than max_message_size of "
                f"{self._max_message_size:,}; raise it",
                excerpt=data[:_EXCERPT],
            )
        return data


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        excerpt = repr(text[:_EXCERPT]).encode()
        raise DecodeError(f"a text frame is not UTF-8 ({error.reason})", excerpt=excerpt) from None
