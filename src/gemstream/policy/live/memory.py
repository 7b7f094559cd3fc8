"""What a session knows of itself over all its connections, fed by what passes in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, get_args

from ...wire.live.client_message import ClientMessage
from .protocol import LiveProtocol
from .resumption import Resumption
from .server_event import GoingAway, ResumptionUpdated, ServerEvent, TurnCompleted
from .transcript import Transcript, Words

__all__ = ("SessionMemory",)

Protocol: TypeAlias = LiveProtocol[ClientMessage, ServerEvent]


class SessionMemory:
    """The handle and what it misses, the words that were said, and how this connection stands.

    ``is_proven``: the model has said something in this connection, or ended a turn.
    ``leaves_at``: when the service will close it, if it said so.
    """

    __slots__ = ("_had_output", "is_proven", "leaves_at", "resumption", "transcript")

    def __init__(self, resumption: Resumption) -> None:
        self.resumption = resumption
        self.transcript = Transcript()
        self.begin_connection()

    def begin_connection(self) -> None:
        """Note that another connection is the session's."""
        self._had_output = False
        self.is_proven = False
        self.leaves_at: float | None = None

    def receive_sent(self, message: ClientMessage, size: int, now: float) -> int:
        """Note a message of the program, of ``size`` bytes, that is sent; returns its index."""
        self.transcript.receive_sent(message)
        return self.resumption.receive_sent(message, size, now)

    def receive(self, events: Sequence[ServerEvent], now: float, protocol: Protocol) -> bool:
        """Note ``events``; returns True when it may be time now to leave the connection.

        ``protocol``: of the connection, as it stands behind them.
        """
        has_output = protocol.has_output
        if has_output and not self._had_output:
            self.resumption.receive_output()
            self.is_proven = True
        self._had_output = has_output
        is_turning = False
        for event in events:
            note = _NOTES.get(type(event))
            if note is not None:
                is_turning |= note(self, event, now, protocol)
        return is_turning

    def _receive_words(self, event: Words, now: float, protocol: Protocol) -> bool:
        self.transcript.receive(event)
        return False

    def _receive_turn_end(self, event: TurnCompleted, now: float, protocol: Protocol) -> bool:
        waiting = self.resumption.receive_turn_end(protocol.owed)
        self.transcript.finish_turn(waiting)
        self.is_proven = True
        return True

    def _receive_update(self, event: ResumptionUpdated, now: float, protocol: Protocol) -> bool:
        self.resumption.receive_update(event)
        return True

    def _receive_farewell(self, event: GoingAway, now: float, protocol: Protocol) -> bool:
        self.leaves_at = now + event.time_left
        return True


# A table, for most events are none of these: a look costs 0.05 µs, four instance checks 0.4.
_NOTES: Mapping[type, Callable[[SessionMemory, Any, float, Protocol], bool]] = {
    **dict.fromkeys(get_args(Words), SessionMemory._receive_words),
    TurnCompleted: SessionMemory._receive_turn_end,
    ResumptionUpdated: SessionMemory._receive_update,
    GoingAway: SessionMemory._receive_farewell,
}
