"""What waits without a connection of its own: broken off once its client closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from ..errors import InvalidState

__all__ = ("Waits",)

_CLOSED = "the client is closed; make a new one"


class Waits:
    """The waits of one client, on whatever event loops; safe from many threads.

    ``closed``: what is said to who waits when there is nothing to wait for any more.
    """

    __slots__ = ("_closed", "_open", "is_closed")

    def __init__(self, closed: str = _CLOSED) -> None:
        self._closed = closed
        self._open: dict[asyncio.Timeout, asyncio.AbstractEventLoop] = {}
        self.is_closed = False

    def check_open(self) -> None:
        """Raise InvalidState once the client is closed."""
        if self.is_closed:
            raise InvalidState(self._closed)

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Hold a wait, which ends with InvalidState when the client closes; safe to cancel."""
        wait = asyncio.timeout(None)
        try:
            async with wait:
                self._open[wait] = asyncio.get_running_loop()
                self.check_open()  # closed in this moment, it was not seen
                yield
        except TimeoutError:
            if not wait.expired():
                raise
            raise InvalidState(self._closed) from None
        finally:
            self._open.pop(wait, None)

    def close(self) -> None:
        """Let nothing wait any more."""
        self.is_closed = True
        for wait, loop in list(self._open.items()):
            with contextlib.suppress(RuntimeError):  # its loop has closed, and the wait with it
                loop.call_soon_threadsafe(self._end, wait)

    def _end(self, wait: asyncio.Timeout) -> None:
        if wait in self._open:
            wait.reschedule(0.0)
