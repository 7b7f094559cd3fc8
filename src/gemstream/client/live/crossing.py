"""What a new connection is told of what it misses, in order: history, speech begun, messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from ...errors import InvalidRequest, InvalidState, StreamInterrupted
from ...policy.live.deferred import Deferred
from ...policy.live.resumption import Replay, Resumption
from ...wire.content import Content
from ...wire.live.client_message import ActivityStart, ClientContent, ClientMessage, RealtimeInput
from .connection import LiveConnection

__all__ = ("Crossing", "Missed")

_SPEECH_BEGAN = ClientMessage(realtime_input=RealtimeInput(activity_start=ActivityStart()))


class Missed(msgspec.Struct, frozen=True):
    """What the new connection does not know: ``history`` only when it knows nothing at all.

    ``was_speaking``: the user had begun to speak and not stopped, by the program's own marks.
    ``takes_content``: the model takes content at any time, and not as its first history only.
    """

    replay: Replay
    history: Sequence[Content]
    was_speaking: bool
    takes_content: bool


class Crossing:
    """Tells one new connection; ``repeated`` counts what went out again, ``refused`` is the rest.

    A connection that breaks meanwhile is no error here: what is left is kept for the next one, and
    whoever reads is told.
    """

    __slots__ = ("_broken", "_connection", "_resumption", "refused", "repeated")

    def __init__(self, connection: LiveConnection, resumption: Resumption) -> None:
        self._connection = connection
        self._resumption = resumption
        self._broken = False
        self.repeated = 0
        self.refused: list[ClientMessage] = []

    async def tell(self, missed: Missed, deferred: Deferred) -> None:
        """Tell all that was missed, and last what comes while this goes on."""
        now = asyncio.get_running_loop().time
        if missed.history:
            # Complete, it would be a question; where content is history alone, it has to be.
            content = ClientContent(
                turns=missed.history, turn_complete=not missed.takes_content or None
            )
            await self._send(ClientMessage(client_content=content), now(), is_ours=True)
        kept = missed.replay.again
        if missed.was_speaking and not any(_begins_speech(one.message) for one in kept):
            await self._send(_SPEECH_BEGAN, now(), is_ours=True)
        for one in kept:
            await self._repeat(one.message, one.at)
        while (fresh := deferred.take(now())) is not None:
            await self._repeat(*fresh)

    async def _repeat(self, message: ClientMessage, at: float) -> None:
        try:
            await self._send(message, at)
        except (InvalidRequest, InvalidState):  # as the end of speech whose beginning is too old
            self.refused.append(message)
        else:
            self.repeated += 1

    async def _send(self, message: ClientMessage, at: float, *, is_ours: bool = False) -> None:
        payload = self._connection.encode(message)
        self._resumption.receive_sent(message, len(payload), at, is_ours=is_ours)
        if self._broken:
            return
        try:
            await self._connection.transmit(payload)
        except StreamInterrupted:
            self._broken = True


def _begins_speech(message: ClientMessage) -> bool:
    realtime = message.realtime_input
    return realtime is not None and realtime.activity_start is not None
