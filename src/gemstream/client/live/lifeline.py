"""What a session holds on to: one connection after another, and what passes between two of them.

Pull, not push: the program's own await reads. Only while a session goes without a reader for a
second does a task of ours read ahead, within a bound, so that the service's pings are answered, its
handles taken and its farewells heeded; and a task of its own seeks another connection, which
neither a reader nor a sender that is cancelled breaks off.

While there is no connection, words and results of functions wait for one; sound and pictures do
not, for they belong to their moment: they are kept, and go out if they are still fresh.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from ...errors import GemstreamError, InvalidState, SessionClosedOK, StreamInterrupted
from ...policy.live.deferred import Deferred
from ...policy.live.memory import SessionMemory
from ...policy.live.protocol import LiveProtocol
from ...policy.live.reconnection import Loss, Outage, Stop, closed_error
from ...policy.live.resumed import Disconnected, Resumed, SessionEvent
from ...policy.live.server_event import Closed, ServerEvent
from ...policy.live.switch import SwitchPolicy
from ...wire.live.client_message import ClientMessage
from .connection import LiveConnection
from .crossing import Crossing, Missed
from .dialer import Opened
from .revival import Revival, Revived

__all__ = ("Lifeline",)

_LOOK_EVERY = 1.0  # seconds; a session without a reader is looked after from the second look on
_MOST_AHEAD = 256  # events that are read before anybody asks for them
_MOVE_PAUSE = 5.0  # seconds between two tries to leave in time


class Lifeline:
    """A session's connections, its ``ready`` events, and how it ended.

    ``revival`` None: the session is one connection, whose loss is its end. ``failure``: why it is
    over; None for a plain end.
    """

    __slots__ = (
        "_connection",
        "_deferred",
        "_dialed",
        "_ended",
        "_is_broken",
        "_is_idle",
        "_is_read",
        "_keeper",
        "_loop",
        "_lost",
        "_memory",
        "_moving",
        "_next_move",
        "_opened_at",
        "_outage",
        "_revival",
        "_reviving",
        "_switch",
        "_timer",
        "_told",
        "failure",
        "is_over",
        "ready",
    )

    def __init__(
        self,
        opened: Opened,
        memory: SessionMemory,
        revival: Revival | None,
        switch: SwitchPolicy,
        told: Callable[[ServerEvent], None],
        ended: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._memory = memory
        self._revival = revival
        self._switch = switch
        self._told = told  # of each event of the service, as it is read
        self._ended = ended  # called once the session is over, unless it was closed here
        self._deferred = Deferred()
        self._outage: Outage | None = None  # the last one
        self._dialed: LiveConnection | None = None  # to move to
        self.ready: deque[SessionEvent] = deque()
        self.is_over = False
        self.failure: GemstreamError | None = None
        self._is_read = False
        self._is_idle = False  # nobody has read since the last look
        self._keeper: asyncio.Task[None] | None = None
        self._moving: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._install(opened[0])
        self._take(*opened)
        self._timer = None if revival is None else self._loop.call_later(_LOOK_EVERY, self._look)

    def _install(self, connection: LiveConnection) -> None:
        self._connection = connection
        self._opened_at = self._loop.time()
        self._next_move = 0.0
        self._is_broken = False  # a message could not be sent
        self._lost = self._loop.create_future()  # done once its end is known; an Event: 0.8 KiB

    @property
    def protocol(self) -> LiveProtocol[ClientMessage, ServerEvent]:
        """The protocol's view of the newest connection."""
        return self._connection.protocol

    @property
    def handle(self) -> str | None:
        """The newest handle to go on from."""
        if self._revival is None:
            return self.protocol.handle or self._memory.resumption.handle
        return self._memory.resumption.handle

    @property
    def state(self) -> str:
        """What the session waits for, in a word or two."""
        if self.is_over:
            return "over"
        return "reconnecting" if self._reviving is not None else self.protocol.state.value

    async def close(self) -> None:
        """End it all and wait, for a bounded moment; cancelling breaks the connection off."""
        if self._timer is not None:
            self._timer.cancel()
        was_over, self.is_over = self.is_over, True
        tasks = [task for task in (self._keeper, self._moving, self._reviving) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
            if not was_over:
                await self._connection.close()
        finally:
            for connection in (self._connection, self._dialed):
                if connection is not None:
                    connection.abort()

    # What comes in.

    async def read(self) -> None:
        """Take in the events of the next message, or wait for a connection; for one task at a time.

        Cancelling loses nothing.
        """
        self._is_idle = False
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,))
            self._keeper = None  # cancelled before it began, it could not say so itself
        elif self._reviving is not None:
            await asyncio.wait((self._reviving,))
        elif not self.is_over:
            await self._receive()

    async def _receive(self) -> None:
        connection = self._connection
        self._is_read = True
        try:
            events = await connection.receive()
        except GemstreamError as error:
            self._end(error)
        else:
            self._take(connection, events)
        finally:
            self._is_read = False

    def _take(self, connection: LiveConnection, events: list[ServerEvent]) -> None:
        closed = events[-1] if events else None
        if isinstance(closed, Closed):
            events.pop()
        for event in events:
            self._told(event)
        self.ready.extend(events)
        if self._revival is not None:
            now, has_output = self._loop.time(), connection.protocol.has_output
            if self._memory.receive(events, now, has_output=has_output):
                self._consider_leaving()
        is_news = connection is self._connection and self._reviving is None and not self.is_over
        if isinstance(closed, Closed) and is_news:
            self._lose(closed)

    def _end(self, error: GemstreamError | None) -> None:
        """Note why the session is over, unless it was closed here."""
        if not self.is_over:
            self.is_over = True
            self.failure = error
            self._ended()
        if self._timer is not None:
            self._timer.cancel()
        self._lost.cancel()  # unless it is done: nothing follows this connection

    # What goes out.

    async def send(self, message: ClientMessage) -> None:
        """Send a message, in the next connection if need be.

        Raises what ended the session, and what the protocol refuses before anything is sent.
        Cancelled while it waits for a connection, nothing was sent.
        """
        while self._reviving is not None:
            realtime = message.realtime_input
            if realtime is not None and realtime.text is None:
                self.protocol.defer(realtime)
                return self._deferred.put(message, self._loop.time())
            await asyncio.wait((self._reviving,))
        self.check_open()
        connection = self._connection
        payload = connection.encode(message)
        if self._revival is None:
            return await connection.transmit(payload)
        self._memory.receive_sent(message, len(payload), self._loop.time())
        try:
            await connection.transmit(payload)
        except StreamInterrupted:
            await self._carried_over()

    def check(self, message: ClientMessage) -> None:
        """Raise what ``send`` would raise now; it may be another thing when it is sent later."""
        self.check_open()
        if self._reviving is None:
            self.protocol.check(message)

    def check_open(self) -> None:
        """Raise what ended the session, if it is over."""
        if self.is_over:
            raise self.failure or InvalidState("the session is closed; open another one")

    async def _carried_over(self) -> None:
        """Wait until a message that met a dead connection went out again, or is told as lost."""
        lost = self._lost
        self._is_broken = True
        if not self._is_read and self._keeper is None:
            self._keeper = self._start(self._read_ahead(), "keeper")
        await asyncio.wait((lost,))
        while self._reviving is not None:
            await asyncio.wait((self._reviving,))
        if self.failure is not None:
            raise self.failure

    # Looking after it.

    def _look(self) -> None:
        self._timer = self._loop.call_later(_LOOK_EVERY, self._look)
        if self._reviving is not None:
            return
        if self._connection.is_lifeless(self._loop.time()):
            self._connection.abort()  # whoever reads it is told
        elif self._is_idle and not self._is_read and self._keeper is None:
            self._keeper = self._start(self._read_ahead(), "keeper")
        self._is_idle = not self._is_read
        self._consider_leaving()

    async def _read_ahead(self) -> None:
        try:
            while self._reads_ahead:
                await self._receive()
        finally:
            self._keeper = None

    @property
    def _reads_ahead(self) -> bool:
        if self._reviving is not None or self.is_over:
            return False
        return self._is_broken or len(self.ready) < _MOST_AHEAD

    # Leaving one connection for the next.

    def _consider_leaving(self) -> None:
        """Begin to move to another connection when it is time to."""
        now = self._loop.time()
        if self._moving is None and now >= self._next_move and self._is_leaving_due(now):
            self._next_move = now + _MOVE_PAUSE
            self._moving = self._start(self._move(), "move")

    def _is_leaving_due(self, now: float) -> bool:
        if self._reviving is not None or self.is_over or self._revival is None:
            return False
        # The handle that knows the last turn comes a moment after the turn.
        is_busy = self.protocol.is_in_turn or not self._memory.resumption.is_current
        return self._switch.is_due(
            now=now, opened_at=self._opened_at, leaves_at=self._memory.leaves_at, is_in_turn=is_busy
        )

    async def _move(self) -> None:
        """Dial first, then leave: so the gap is as long as a farewell and a setup."""
        assert self._revival is not None, "a session of one connection does not move"
        try:
            dialed = await self._revival.dial()
        except GemstreamError:
            return  # a later look tries again, and at last the service closes
        finally:
            self._moving = None
        if not self._is_leaving_due(self._loop.time()):
            self._next_move = 0.0  # a turn has begun, and its end is the next chance
            return dialed.abort()
        self._dialed = dialed
        closed = Closed(1000, "", in_turn=self.protocol.is_in_turn)
        leave = partial(self._leave, self._receive_loss(closed), dialed)
        self.ready.append(Disconnected(closed.code, is_planned=True))
        self._reviving = self._start(self._revive(leave, closed), "revival")

    async def _leave(self, loss: Loss, dialed: LiveConnection) -> Revived:
        """Close the old connection and wait for its end: two at once would be refused."""
        assert self._revival is not None, "a session of one connection does not move"
        await self._connection.close()
        self._take(self._connection, [*self.protocol.receive_close(1000)])
        return await self._revival.move(dialed, loss, self._memory)

    def _lose(self, closed: Closed) -> None:
        """Seek another connection, or end the session."""
        self._connection.abort()
        if self._revival is None:
            return self._end(_plain(closed_error(closed, handle=self.handle), closed))
        loss, outage = self._receive_loss(closed), self._outage_now()
        verdict = self._revival.judge(loss, outage)
        if isinstance(verdict, Stop):
            return self._end(_plain(verdict.error, closed))
        self.ready.append(Disconnected(closed.code, closed.reason))
        seek = partial(self._revival.run, loss, outage, verdict, self._memory)
        self._reviving = self._start(self._revive(seek, closed), "revival")

    def _outage_now(self) -> Outage:
        """Return the outage that begins, or the one that a useless connection did not end."""
        if self._outage is None or self._memory.is_proven:
            return Outage(self._loop.time())
        return self._outage

    def _receive_loss(self, closed: Closed) -> Loss:
        now = self._loop.time()
        self._memory.resumption.receive_loss(now)
        self._lost.set_result(None)
        return Loss(
            closed=closed,
            handle=self._memory.resumption.handle_at(now),
            after_farewell=self._dialed is not None or self._memory.leaves_at is not None,
        )

    async def _revive(self, revive: Callable[[], Awaitable[Revived]], closed: Closed) -> None:
        began = self._loop.time()
        try:
            revived = await revive()
            resumed = await self._go_on(revived, closed)
            gap = self._loop.time() - began
            self.ready.append(msgspec.structs.replace(resumed, gap=gap))
        except GemstreamError as error:
            self._end(_plain(error, closed))
        finally:
            self._reviving = self._dialed = None

    async def _go_on(self, revived: Revived, closed: Closed) -> Resumed:
        """Make the new connection the session's, and tell it what it misses."""
        assert self._revival is not None, "a session of one connection has no other"
        before, memory = self.protocol, self._memory
        replay = memory.resumption.replay(self._loop.time())
        memory.begin_connection()
        self._install(revived.connection)
        self._outage = revived.outage
        self.protocol.follow(before)
        self._take(revived.connection, revived.events)
        missed = Missed(
            replay=replay,
            history=() if revived.restores_state else memory.transcript.turns,
            was_speaking=before.is_speaking,
            takes_content=self._revival.takes_content,
        )
        crossing = Crossing(self._connection, memory.resumption)
        await crossing.tell(missed, self._deferred)
        turn_is_lost = closed.in_turn and not self.protocol.is_in_turn
        if turn_is_lost:
            memory.transcript.drop_turn()
        lost = sorted((*replay.doubtful, *replay.stale), key=lambda kept: kept.index)
        return Resumed(
            state_restored=revived.restores_state,
            turn_is_lost=turn_is_lost,
            may_be_lost=[*(kept.message for kept in lost), *crossing.refused],
            forgotten=replay.forgotten + self._deferred.take_dropped(),
            repeated=crossing.repeated,
            history_turns=len(missed.history),
            attempts=revived.outage.attempts,
        )

    def _start(self, running: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._loop.create_task(running, name=f"gemstream live {name}")


def _plain(error: GemstreamError, closed: Closed) -> GemstreamError | None:
    """Return the error, or None when the service closed normally and owed nothing."""
    return None if isinstance(error, SessionClosedOK) and not closed.in_turn else error
