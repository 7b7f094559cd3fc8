"""What a new connection is told of what it misses, in order: history, speech begun, messages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from ...errors import InvalidRequest, InvalidState, StreamInterrupted
from ...policy.live.resumption import Resumption
from ...wire.content import Content
from ...wire.live.client_message import ActivityStart, ClientContent, ClientMessage, RealtimeInput
from .connection import LiveConnection

__all__ = ("Crossing", "Missed")

_SPEECH_BEGAN = ClientMessage(realtime_input=RealtimeInput(activity_start=ActivityStart()))


class Missed(msgspec.Struct, frozen=True):
    """What the new connection does not know: ``history`` only when it knows nothing at all.

    ``again``: messages that go out again, or only now, each with its moment. ``was_speaking``: the
    user has begun to speak and not stopped, by the program's own marks up to now.
    ``takes_content``: the model takes content at any time, and not as its first history only.
    """

    again: Sequence[tuple[ClientMessage, float]]
    history: Sequence[Content]
    was_speaking: bool
    takes_content: bool


class _Written(msgspec.Struct, frozen=True):
    message: ClientMessage
    payload: bytes
    at: float
    is_ours: bool


class Crossing:
    """Tells one new connection; ``repeated`` counts what goes out again, ``refused`` is the rest.

    All is written before anything is sent, so that the program is told of it first.
    """

    __slots__ = ("_connection", "_resumption", "_written", "refused", "repeated")

    def __init__(self, connection: LiveConnection, resumption: Resumption) -> None:
        self._connection = connection
        self._resumption = resumption
        self._written: deque[_Written] = deque()
        self.repeated = 0
        self.refused: list[ClientMessage] = []

    def write(self, missed: Missed) -> None:
        """Judge and encode all that was missed."""
        now = asyncio.get_running_loop().time()
        if missed.history:
            # Complete, it would be a question; where content is history alone, it has to be.
            content = ClientContent(
                turns=missed.history, turn_complete=not missed.takes_content or None
            )
            self._write(ClientMessage(client_content=content), now, is_ours=True)
        if _is_amid_speech(missed):
            self._write(_SPEECH_BEGAN, now, is_ours=True)
        for message, at in missed.again:
            try:
                self._write(message, at)
            except (InvalidRequest, InvalidState):  # as the end of speech that is too old
                self.refused.append(message)
            else:
                self.repeated += 1

    def _write(self, message: ClientMessage, at: float, *, is_ours: bool = False) -> None:
        payload = self._connection.encode(message)
        self._written.append(_Written(message, payload, at, is_ours))

    async def send(self) -> None:
        """Send what was written.

        A connection that breaks meanwhile is no error here: what is left is kept for the next one,
        and whoever reads is told. So it is when this is cancelled.
        """
        try:
            while self._written:
                one = self._written.popleft()
                index = self._note(one)
                try:
                    await self._connection.transmit(one.payload)
                except StreamInterrupted:
                    return self._resumption.receive_failure(index)
        finally:
            if self._written:
                self._resumption.receive_failure(self._note(self._written.popleft()))
            for one in self._written:
                self._note(one)

    def _note(self, one: _Written) -> int:
        return self._resumption.receive_sent(
            one.message, len(one.payload), one.at, is_ours=one.is_ours
        )


def _is_amid_speech(missed: Missed) -> bool:
    """True when the speech that goes on began before the messages that go out.

    Their first mark tells; an end with nothing before it is the end of speech that is too old.
    """
    has_media = False
    for message, _ in missed.again:
        realtime = message.realtime_input
        if realtime is None:
            continue
        if realtime.activity_start is not None:
            return False
        if realtime.activity_end is not None:
            return has_media
        has_media |= realtime.audio is not None or realtime.video is not None
    return missed.was_speaking
