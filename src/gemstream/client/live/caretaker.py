"""Looking after a session: what nobody reads, a connection that is dead, one that is to be left.

Only while a session goes without a reader for a second does a task read ahead, within a bound, so
that the service's pings are answered, its handles taken and its farewells heeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sized
from typing import Any, Protocol

from ...errors import GemstreamError
from ...policy.live.memory import SessionMemory
from ...policy.live.switch import SwitchPolicy
from .connection import LiveConnection

__all__ = ("Caretaker", "Line")

_LOOK_EVERY = 1.0  # seconds; a session without a reader is looked after from the second look on
_MOST_AHEAD = 256  # events that are read before anybody asks for them
_DIAL_PAUSE = 5.0  # seconds after a connection to move to could not be opened
_HANDLE_PATIENCE = 1.0  # seconds; the handle of a turn comes a moment after its end
_DIAL_PATIENCE = 3.0  # seconds that a question waits for a dial; a slow one costs a later turn


class Line(Protocol):
    """What is looked after: a session's lifeline."""

    connection: LiveConnection
    opened_at: float
    is_read: bool
    is_broken: bool

    @property
    def ready(self) -> Sized:
        """The events that nobody has asked for yet."""
        ...

    @property
    def is_standing(self) -> bool:
        """False while another connection is sought, and once the session is over."""
        ...

    async def receive(self) -> None:
        """Take in the events of the next message of this connection, or its end."""
        ...

    def move(self, dialed: LiveConnection) -> None:
        """Leave the connection for ``dialed``, which is not set up yet."""
        ...

    def end(self, error: Exception | None) -> None:
        """Note why the session is over."""
        ...


class Caretaker:
    """Looks after one session every second; ``dial`` None: it is one connection, left alone.

    ``is_idle``: nobody has read since the last look. ``keeper`` reads ahead; None while it does
    not.
    """

    __slots__ = (
        "_dial",
        "_line",
        "_loop",
        "_memory",
        "_moving",
        "_news",
        "_next_dial",
        "_switch",
        "_timer",
        "is_idle",
        "keeper",
    )

    def __init__(
        self,
        line: Line,
        memory: SessionMemory,
        switch: SwitchPolicy,
        dial: Callable[[], Awaitable[LiveConnection]] | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._memory = memory
        self._switch = switch
        self._dial = dial
        self._next_dial = 0.0
        self._moving: asyncio.Task[None] | None = None
        self._news: asyncio.Future[None] | None = None  # of handles, if somebody waits for one
        self.is_idle = False
        self.keeper: asyncio.Task[None] | None = None
        self._timer = None if dial is None else self._loop.call_later(_LOOK_EVERY, self._look)

    def stop(self) -> None:
        """Look no more: the session is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._tell_news()

    def leave(self) -> list[asyncio.Task[None]]:
        """Look no more, and return the tasks, which are cancelled."""
        self.stop()
        tasks = [task for task in (self.keeper, self._moving) if task is not None]
        for task in tasks:
            task.cancel()
        return tasks

    def _look(self) -> None:
        self._timer = self._loop.call_later(_LOOK_EVERY, self._look)
        line = self._line
        if not line.is_standing:
            return
        if line.connection.is_lifeless(self._loop.time()):
            line.connection.abort()  # whoever reads it is told
        elif self.is_idle or line.is_broken:
            self.read_ahead()
        self.is_idle = not line.is_read
        self.consider_leaving()

    # What nobody reads.

    def read_ahead(self) -> None:
        """Read, unless somebody does."""
        if not self._line.is_read and self.keeper is None:
            self.keeper = self._loop.create_task(self._keep(), name="gemstream live keeper")
            self.keeper.add_done_callback(self._kept)

    async def step_aside(self) -> None:
        """Leave the connection to a reader that has come."""
        keeper = self.keeper
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait((keeper,))
            self._kept(keeper)

    async def _keep(self) -> None:
        try:
            while self._reads_ahead:
                await self._line.receive()
        except Exception as error:  # a fault of ours; nobody else would see it
            self._line.end(error)

    @property
    def _reads_ahead(self) -> bool:
        line = self._line
        return line.is_standing and (line.is_broken or len(line.ready) < _MOST_AHEAD)

    def _kept(self, task: asyncio.Task[None]) -> None:
        if self.keeper is task:
            self.keeper = None

    # What is to be left.

    async def settle(self) -> None:
        """Let a move that is due come before what is said next; in bounded time.

        Who asks again as soon as a turn has ended would leave no moment between two turns, and the
        last of them would be lost with the connection. Safe to cancel.
        """
        if self._awaits_handle:
            self.read_ahead()
            if self._news is None:
                self._news = self._loop.create_future()
            await asyncio.wait((self._news,), timeout=_HANDLE_PATIENCE)
        if self._moving is not None:
            await asyncio.wait((self._moving,), timeout=_DIAL_PATIENCE)

    @property
    def _awaits_handle(self) -> bool:
        """True when only the handle of the last turn is missing to leave."""
        line, resumption = self._line, self._memory.resumption
        if self._dial is None or not line.is_standing or line.connection.protocol.is_in_turn:
            return False
        is_missing = resumption.handle is not None and not resumption.is_current
        return is_missing and self._is_due(is_busy=False)

    def _tell_news(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        self._news = None

    def consider_leaving(self) -> None:
        """Begin to move to another connection when it is time to."""
        now = self._loop.time()
        if self._moving is None and now >= self._next_dial and self._is_leaving_due():
            assert self._dial is not None, "a session of one connection does not move"
            moving = self._move(self._dial, self._line.connection)
            self._moving = self._loop.create_task(moving, name="gemstream live move")
            self._moving.add_done_callback(self._moved)
        if not self._awaits_handle:
            self._tell_news()

    def _is_leaving_due(self) -> bool:
        line, memory = self._line, self._memory
        if self._dial is None or not line.is_standing:
            return False
        # The handle that knows the last turn comes a moment after the turn.
        is_busy = line.connection.protocol.is_in_turn or not memory.resumption.is_current
        return self._is_due(is_busy=is_busy)

    def _is_due(self, *, is_busy: bool) -> bool:
        return self._switch.is_due(
            now=self._loop.time(),
            opened_at=self._line.opened_at,
            leaves_at=self._memory.leaves_at,
            is_in_turn=is_busy,
        )

    async def _move(
        self, dial: Callable[[], Awaitable[LiveConnection]], leaving: LiveConnection
    ) -> None:
        """Dial first, then leave: so the gap is as long as a farewell and a setup."""
        try:
            dialed = await dial()
        except GemstreamError:
            # A later look tries again, and at last the service closes.
            self._next_dial = self._loop.time() + _DIAL_PAUSE
            return
        if leaving is self._line.connection and self._is_leaving_due():
            self._line.move(dialed)
        else:
            dialed.abort()  # a turn has begun, or the service was quicker

    def _moved(self, task: asyncio.Task[Any]) -> None:
        if self._moving is task:
            self._moving = None
