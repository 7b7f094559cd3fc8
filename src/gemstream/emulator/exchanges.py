"""The exchanges that are running, on any number of event loops, and who waits for their end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

__all__ = ("Exchanges", "Interruptible")


class Interruptible(Protocol):
    """A request with its response, or a Live session."""

    def interrupt(self) -> None:
        """Break it off from this side."""
        ...


class Exchanges:
    """A set that tells when it has become empty."""

    __slots__ = ("_idlers", "_lock", "_running")

    def __init__(self) -> None:
        self._running: set[Interruptible] = set()
        self._idlers: list[asyncio.Future[None]] = []
        self._lock = threading.Lock()

    @contextmanager
    def running(self, exchange: Interruptible) -> Iterator[None]:
        """Count ``exchange`` as running inside the block."""
        with self._lock:
            self._running.add(exchange)
        try:
            yield
        finally:
            for idler in self._leave(exchange):
                # A loop that has closed has nobody left to wake.
                with suppress(RuntimeError):
                    idler.get_loop().call_soon_threadsafe(_wake, idler)

    def interrupt(self) -> None:
        """Break all of them off."""
        with self._lock:
            running = tuple(self._running)
        for exchange in running:
            exchange.interrupt()

    async def idle(self) -> None:
        """Wait until none is running; safe to cancel."""
        while (idler := self._idler()) is not None:
            await idler

    def _leave(self, exchange: Interruptible) -> list[asyncio.Future[None]]:
        """Take ``exchange`` out and return those to wake."""
        with self._lock:
            self._running.discard(exchange)
            if self._running:
                return []
            idlers, self._idlers = self._idlers, []
            return idlers

    def _idler(self) -> asyncio.Future[None] | None:
        with self._lock:
            if not self._running:
                return None
            idler = asyncio.get_running_loop().create_future()
            self._idlers.append(idler)
            return idler


def _wake(idler: asyncio.Future[None]) -> None:
    if not idler.done():
        idler.set_result(None)
