"""What a session holds on to: one connection after another, and what passes between two of them.

Pull, not push: the program's own await reads; ``Caretaker`` does when it stays away. What is sought
while there is no connection is sought by a task of ours, which neither a reader nor a sender that
is cancelled breaks off.

While there is no connection, words and results of functions wait for one; sound and pictures do
not, for they belong to their moment: they are kept, and go out if they are still fresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from ...errors import GemstreamError, InvalidState, SessionClosedError, StreamInterrupted
from ...policy.live.memory import SessionMemory
from ...policy.live.protocol import LiveProtocol
from ...policy.live.reconnection import Stop, closed_error, plain_end
from ...policy.live.resumed import Disconnected, Resumed, SessionEvent
from ...policy.live.resumption import is_of_the_moment
from ...policy.live.server_event import Closed, ServerEvent
from ...policy.live.switch import SwitchPolicy
from ...wire.live.client_message import ClientMessage
from .caretaker import Caretaker
from .connection import LiveConnection
from .dialer import Opened
from .observation import Ended, Told
from .passage import Passage, Search
from .revival import Revival, Revived

__all__ = ("Lifeline",)


class Lifeline:
    """A session's connections, its ``ready`` events, and how it ended.

    ``revival`` None: the session is one connection, whose loss is its end. ``failure``: why it is
    over; None for a plain end. ``is_broken``: a message could not be sent in this connection.
    """

    __slots__ = (
        "_caretaker",
        "_closed",
        "_dialed",
        "_ended",
        "_loop",
        "_loss",
        "_memory",
        "_passage",
        "_passing",
        "_standing",
        "_told",
        "connection",
        "failure",
        "is_broken",
        "is_over",
        "is_read",
        "opened_at",
        "ready",
    )

    def __init__(
        self,
        opened: Opened,
        memory: SessionMemory,
        revival: Revival | None,
        switch: SwitchPolicy,
        told: Told,
        ended: Ended,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._memory = memory
        self._told = told  # of each event as it is read, and of ours
        self._ended = ended  # called once the session is over, unless it was closed here
        # Those of one message, mostly; an empty deque takes 0.7 KiB in each session.
        self.ready: list[SessionEvent] = []
        self.is_over = False
        self.failure: GemstreamError | None = None
        self.is_read = False
        self._dialed: LiveConnection | None = None  # to move to
        self._loss: asyncio.Future[None] | None = None  # of the connection, if one waits for it
        # While there is no connection: done once there is one, or never will be.
        self._standing: asyncio.Future[None] | None = None
        # Until all that was missed went out in the next connection; senders wait for it.
        self._passing: asyncio.Task[None] | None = None
        self._passage = None if revival is None else Passage(revival, memory)
        self._caretaker = Caretaker(self, memory, switch, None if revival is None else revival.dial)
        self._install(opened[0])
        self._take(*opened)

    def _install(self, connection: LiveConnection) -> None:
        self.connection = connection
        self.opened_at = self._loop.time()
        self.is_broken = False
        self._closed: Closed | None = None  # how this connection ended

    @property
    def protocol(self) -> LiveProtocol[ClientMessage, ServerEvent]:
        """The protocol's view of the newest connection."""
        return self.connection.protocol

    @property
    def is_standing(self) -> bool:
        """False while another connection is sought, and once the session is over."""
        return self._standing is None and not self.is_over

    @property
    def is_in_turn(self) -> bool:
        """True while an answer is due, also one that the next connection will be asked for."""
        if self.is_over:
            return False
        return self.protocol.is_in_turn if self._closed is None else self._closed.in_turn

    @property
    def handle(self) -> str | None:
        """The newest handle to go on from."""
        if self._passage is None:
            return self.protocol.handle or self._memory.resumption.handle
        return self._memory.resumption.handle

    @property
    def state(self) -> str:
        """What the session waits for, in a word or two."""
        if self.is_over:
            return "over"
        return self.protocol.state.value if self.is_standing else "reconnecting"

    async def close(self) -> None:
        """End it all and wait, for a bounded moment; cancelling breaks the connection off."""
        was_over, self.is_over = self.is_over, True
        tasks = self._caretaker.leave()
        if self._passing is not None:
            self._passing.cancel()
            tasks.append(self._passing)
        self._wake()
        try:
            if tasks:
                await asyncio.wait(tasks)
            if not was_over:
                await self.connection.close()
        finally:
            for connection in (self.connection, self._dialed):
                if connection is not None:
                    connection.abort()

    # What comes in.

    def read(self) -> Awaitable[object]:
        """Take in the events of the next message, or wait for a connection; for one task at a time.

        For a session that is not over. Cancelling loses nothing.
        """
        # No coroutine of its own: each that waits takes 0.2 KiB in every session.
        self._caretaker.is_idle = False
        if self._caretaker.keeper is not None:
            return self._caretaker.step_aside()
        if self._standing is not None:
            return asyncio.wait((self._standing,))
        return self.receive()

    async def receive(self) -> None:
        """Take in the events of the next message of this connection, or its end."""
        connection = self.connection
        self.is_read = True
        try:
            events = await connection.receive()
        except GemstreamError as error:
            if connection is self.connection and self._standing is None:  # else it is left anyway
                self.end(error)
        else:
            self._take(connection, events)
        finally:
            self.is_read = False

    def _take(self, connection: LiveConnection, events: list[ServerEvent]) -> None:
        closed = events[-1] if events else None
        if isinstance(closed, Closed):
            events.pop()
        for event in events:
            self._told(event)
        self.ready.extend(events)
        if self._passage is not None:
            now = self._loop.time()
            if self._memory.receive(events, now, connection.protocol):
                self._caretaker.consider_leaving()
        if isinstance(closed, Closed) and connection is self.connection:
            self._closed = closed
            if self.is_standing:
                self._lose(closed)

    def _tell(self, event: Disconnected | Resumed) -> None:
        self._told(event)
        self.ready.append(event)

    def end(self, error: Exception | None) -> None:
        """Note why the session is over, unless it was closed here."""
        if not self.is_over:
            self.is_over = True
            self.failure = error if isinstance(error, GemstreamError | None) else _defect(error)
            self._ended(self.failure)
        self._caretaker.stop()
        self._wake()

    def _wake(self) -> None:
        """Let nobody wait for a connection, or for the end of one, any more."""
        for awaited in (self._loss, self._standing):
            if awaited is not None and not awaited.done():
                awaited.set_result(None)
        self._loss = self._standing = None

    # What goes out.

    async def send(self, message: ClientMessage, check: Callable[[], None] | None = None) -> None:
        """Send a message, in the next connection if need be; ``check``: what must hold then.

        Raises what ended the session, and what the protocol refuses before anything is sent.
        Cancelled while it waits for a connection, nothing was sent, unless it met one that was
        dead: then it goes out in the next.
        """
        began = self._loop.time()
        if not is_of_the_moment(message):
            await self._caretaker.settle()
        while self._passing is not None:
            if self._standing is not None and self._passage and is_of_the_moment(message):
                return self._passage.defer(message, self.protocol, began)
            await asyncio.wait((self._passing,))
        self.check_open()
        if check is not None:
            check()
        connection = self.connection
        payload = connection.encode(message)
        if self._passage is None:
            return await connection.transmit(payload)
        index = self._memory.receive_sent(message, len(payload), self._loop.time())
        try:
            await connection.transmit(payload)
        except StreamInterrupted:
            if connection is self.connection:
                self._memory.resumption.receive_failure(index)
                self.is_broken = True
                self._caretaker.read_ahead()
            if not is_of_the_moment(message):
                await self._carried_over(connection)

    def check(self, message: ClientMessage) -> None:
        """Raise what ``send`` would raise now; it may be another thing when it is sent later."""
        self.check_open()
        if self._passing is None:
            self.protocol.check(message)

    def check_open(self) -> None:
        """Raise what ended the session, if it is over."""
        if self.is_over:
            raise self.failure or InvalidState("the session is closed; open another one")

    async def _carried_over(self, connection: LiveConnection) -> None:
        """Wait until a message that met a dead connection went out again, or is told as lost."""
        while connection is self.connection and self.is_standing:
            if self._loss is None:
                self._loss = self._loop.create_future()
            await asyncio.wait((self._loss,))
        while self._passing is not None:
            await asyncio.wait((self._passing,))
        self.check_open()

    # From one connection to the next.

    def move(self, dialed: LiveConnection) -> None:
        """Leave the connection for ``dialed``, which is not set up yet."""
        self._dialed = dialed
        self._pass_by(partial(self._leave, dialed), Disconnected(1000, is_planned=True))

    async def _leave(self, dialed: LiveConnection) -> Revived:
        """Close the old connection and wait for its end: two at once would be refused."""
        assert self._passage is not None, "a session of one connection does not move"
        await self.connection.close()
        self._take(self.connection, [*self.protocol.receive_close(1000)])
        revived = await self._passage.move(dialed)
        self._dialed = None
        return revived

    def _lose(self, closed: Closed) -> None:
        """Seek another connection, or end the session."""
        self.connection.abort()
        if self._passage is None:
            return self.end(plain_end(closed_error(closed, handle=self.handle), closed))
        found = self._passage.judge(closed, self._loop.time() - self.opened_at)
        if isinstance(found, Stop):
            return self.end(plain_end(found.error, closed))
        self._pass_by(found, Disconnected(closed.code, closed.reason))

    def _pass_by(self, search: Search, told: Disconnected) -> None:
        """Begin to pass to the connection that ``search`` finds."""
        self._tell(told)
        self._wake()
        self._standing = self._loop.create_future()
        before = self._passing  # this connection was still being told what it had missed
        if before is not None:
            before.cancel()
        passing = self._pass(search, before)
        self._passing = self._loop.create_task(passing, name="gemstream live revival")
        self._passing.add_done_callback(self._passed)

    def _passed(self, task: asyncio.Task[None]) -> None:
        if self._passing is task:
            self._passing = None

    async def _pass(self, search: Search, before: asyncio.Task[None] | None) -> None:
        began = self._loop.time()
        try:
            if before is not None:
                await asyncio.wait((before,))
            revived = await search()
            await self._go_on(revived, self._loop.time() - began)
        except GemstreamError as error:
            self.end(plain_end(error, self._closed))
        except Exception as error:  # unseen, it would leave its readers waiting
            self.end(error)

    async def _go_on(self, revived: Revived, gap: float) -> None:
        """Make the new connection the session's, and tell it what it misses."""
        assert self._passage is not None, "a session of one connection has no other"
        before, closed = self.protocol, self._closed
        assert closed is not None, "a connection ended before another took its place"
        self._install(revived.connection)
        replay = self._passage.begin_connection(revived)
        self.protocol.follow(before)
        self._take(revived.connection, revived.events)
        resumed, crossing = self._passage.cross(revived, before, closed, replay, gap)
        self._tell(resumed)
        self._wake()  # readers; the service may be busy saying what nobody takes in else
        await crossing.send()


def _defect(error: Exception) -> SessionClosedError:
    """Return what the session's user is told of a fault of our own."""
    told = SessionClosedError(f"the session broke by a fault of gemstream itself: {error!r}")
    told.__cause__ = error
    return told
