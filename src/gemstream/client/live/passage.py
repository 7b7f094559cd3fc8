"""How a session gets from one connection to the next: what is sought, missed, repeated and told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from ...policy.live.deferred import Deferred
from ...policy.live.memory import SessionMemory
from ...policy.live.protocol import LiveProtocol
from ...policy.live.reconnection import Loss, Outage, Stop
from ...policy.live.resumed import Resumed
from ...policy.live.resumption import Replay
from ...policy.live.server_event import Closed, ServerEvent
from ...wire.live.client_message import ClientMessage
from .connection import LiveConnection
from .crossing import Crossing, Missed
from .revival import Revival, Revived

__all__ = ("Passage", "Search")

Search: TypeAlias = Callable[[], Awaitable[Revived]]
"""Seeks the connection in which the session goes on; raises what its user is told."""


class Passage:
    """The passages of one session, over all its connections."""

    __slots__ = ("_deferred", "_memory", "_outage", "_revival")

    def __init__(self, revival: Revival, memory: SessionMemory) -> None:
        self._revival = revival
        self._memory = memory
        self._deferred = Deferred()
        self._outage: Outage | None = None  # the last one

    def defer(
        self,
        message: ClientMessage,
        protocol: LiveProtocol[ClientMessage, ServerEvent],
        now: float,
    ) -> None:
        """Keep realtime input for the next connection; ``protocol``: of the one that is over.

        Raises InvalidRequest, UnsupportedMedia and InvalidState.
        """
        assert message.realtime_input is not None, "only realtime input is deferred"
        protocol.defer(message.realtime_input)
        self._deferred.put(message, now)

    def judge(self, closed: Closed, stood: float) -> Search | Stop:
        """Return what is to be done about the loss of a connection that stood so many seconds."""
        loss = self._loss(closed, after_farewell=self._memory.leaves_at is not None)
        outage = self._outage_after(stood)
        verdict = self._revival.judge(loss, outage)
        if isinstance(verdict, Stop):
            return verdict
        return partial(self._revival.run, loss, outage, verdict, self._memory)

    async def move(self, dialed: LiveConnection) -> Revived:
        """Set ``dialed`` up in place of a connection that we have left, or seek another."""
        loss = self._loss(Closed(1000), after_farewell=True)
        return await self._revival.move(dialed, loss, self._memory)

    def _loss(self, closed: Closed, *, after_farewell: bool) -> Loss:
        now = asyncio.get_running_loop().time()
        self._memory.resumption.receive_loss(now)
        handle = self._memory.resumption.handle_at(now)
        return Loss(closed=closed, handle=handle, after_farewell=after_farewell)

    def _outage_after(self, stood: float) -> Outage:
        """Return the outage that begins, or the one that a useless connection did not end."""
        is_proven = self._memory.is_proven or stood >= self._revival.patience
        if self._outage is None or is_proven:
            return Outage(asyncio.get_running_loop().time())
        return self._outage

    def begin_connection(self, revived: Revived) -> Replay:
        """Note that ``revived`` is the session's connection; return what its handle misses."""
        replay = self._memory.resumption.replay(asyncio.get_running_loop().time())
        if not revived.restores_state:
            self._memory.resumption.give_up_handle()  # it leads to what this session is not
        self._memory.begin_connection()
        self._outage = revived.outage
        return replay

    def cross(
        self,
        revived: Revived,
        before: LiveProtocol[ClientMessage, ServerEvent],
        closed: Closed,
        replay: Replay,
        gap: float,
    ) -> tuple[Resumed, Crossing]:
        """Return what is to be told: the program, and the new connection.

        ``before`` and ``closed``: the protocol of the connection that is over, and its end.
        """
        memory = self._memory
        missed = Missed(
            again=[(kept.message, kept.at) for kept in replay.again]
            + self._deferred.take(asyncio.get_running_loop().time()),
            history=() if revived.restores_state else memory.transcript.turns,
            was_speaking=before.is_speaking,
            takes_content=self._revival.takes_content,
        )
        crossing = Crossing(revived.connection, memory.resumption)
        crossing.write(missed)
        was_ended = self._deferred.take_question()  # always asked, for it forgets
        is_due = closed.in_turn or was_ended or replay.question_is_lost
        # What had begun will not go on, even when a later question is answered.
        is_lost = is_due and (before.has_output or not revived.connection.protocol.is_in_turn)
        if is_lost:
            memory.transcript.drop_turn()
            for message, _ in missed.again:
                memory.transcript.receive_sent(message)
        lost = sorted((*replay.doubtful, *replay.stale), key=lambda kept: kept.index)
        resumed = Resumed(
            state_restored=revived.restores_state,
            turn_is_lost=is_lost,
            may_be_lost=[*(kept.message for kept in lost), *crossing.refused],
            forgotten=replay.forgotten + self._deferred.take_dropped(),
            repeated=crossing.repeated,
            history_turns=len(missed.history),
            gap=gap,
            attempts=revived.outage.attempts,
        )
        return resumed, crossing
