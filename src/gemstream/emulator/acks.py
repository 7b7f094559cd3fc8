"""Acks: what a script waits for and a test gives, in any order and from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

__all__ = ("Acks",)

_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class Acks:
    """Counts acks; each lets one waiter go, the one that has waited longest first.

    An ack given before anyone waits is kept. Waiters may sit on several event loops.
    """

    __slots__ = ("_given", "_lock", "_waiters")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given = 0
        self._waiters: deque[_Waiter] = deque()

    def give(self) -> None:
        """Let one waiter go, now or when it comes."""
        while (entry := self._next_waiter()) is not None:
            loop, waiter = entry
            try:
                loop.call_soon_threadsafe(self._release, waiter)
            except RuntimeError:  # its loop has closed: the ack is for another
                continue
            return

    def clear(self) -> None:
        """Forget the acks that nobody has taken."""
        with self._lock:
            self._given = 0

    async def take(self) -> None:
        """Wait for an ack; safe to cancel: the ack then goes to another."""
        with self._lock:
            if self._given:
                self._given -= 1
                return
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.append((loop, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            self._leave((loop, waiter))
            raise

    def _next_waiter(self) -> _Waiter | None:
        """Return who has waited longest; None when nobody waits, and then the ack is kept."""
        with self._lock:
            if self._waiters:
                return self._waiters.popleft()
            self._given += 1
            return None

    def _release(self, waiter: asyncio.Future[None]) -> None:
        if waiter.done():  # cancelled while the ack was on its way
            self.give()
        else:
            waiter.set_result(None)

    def _leave(self, entry: _Waiter) -> None:
        with self._lock:
            if entry in self._waiters:
                self._waiters.remove(entry)
                return
        if entry[1].done() and not entry[1].cancelled():
            self.give()  # the ack had arrived and was not used
