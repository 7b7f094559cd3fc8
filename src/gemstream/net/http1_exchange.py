"""An answer over HTTP/1.1 whose head is here, under its deadlines."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Mapping

from .http1_body import HTTP1Body
from .timer import StreamTimer
from .transport import Deadlines

__all__ = ("HTTP1Exchange",)


class HTTP1Exchange:
    """See ``Exchange``. ``since``: the moment from which ``first_chunk`` counts.

    One that is dropped in the middle of its answer closes its connection and warns.
    """

    __slots__ = ("__weakref__", "_body", "_loop", "_time", "_timer")

    def __init__(self, body: HTTP1Body, deadlines: Deadlines, since: float) -> None:
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        # The timer knows the answer and not the exchange, or it would keep a dropped one alive.
        self._timer = StreamTimer(deadlines, since, body.interrupt)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._body.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers, case-insensitive."""
        return self._body.headers

    async def receive(self) -> bytes:
        """Return the bytes that arrived; see ``Exchange.receive``. Cancelling closes."""
        body = self._body
        if not body.pieces:
            self._timer.waiting_since = self._time()
            try:
                while body.waits():
                    await body.wait()
            except asyncio.CancelledError:
                self.abort()
                raise
            self._timer.waiting_since = None
            if not body.pieces:
                self._timer.cancel()
        return body.take()

    async def pour(self, sink: Callable[[bytes], bool]) -> bool:
        """Give ``sink`` the bytes as they arrive, within the read that brings them.

        Returns True at the clean end, False after ``sink`` has returned False: what comes behind
        is kept, and the next call goes on. ``sink`` must not raise. Raises as ``receive``;
        cancelling closes. No task is woken for a piece: 3 µs less than ``receive``.
        """
        body, timer, clock = self._body, self._timer, self._time
        poured: asyncio.Future[bool] = self._loop.create_future()

        def look() -> None:
            if poured.done():
                return
            timer.waiting_since = clock()
            if body.pieces and not sink(body.take()):
                poured.set_result(False)
            elif body.has_ended or body.failure is not None:
                poured.set_result(True)

        body.watcher = look
        try:
            look()
            is_over = await poured
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            body.watcher = None
            timer.waiting_since = None
        if is_over:
            timer.cancel()
            body.take()  # raises what ended it
        return is_over

    def began(self) -> None:
        """Note that the first chunk has arrived: from now on ``idle`` counts."""
        self._timer.began()

    def abort(self) -> None:
        """Break the exchange off now; harmless when it has ended."""
        self._timer.cancel()
        self._body.abort()

    async def aclose(self) -> None:
        """End the exchange as ``abort`` does."""
        self.abort()

    def __del__(self) -> None:
        body = getattr(self, "_body", None)
        if body is None or body.has_ended or body.failure or self._loop.is_closed():
            return
        warnings.warn("a gemstream exchange was not closed", ResourceWarning, stacklevel=1)
        # A garbage collection runs in whatever thread it likes.
        self._loop.call_soon_threadsafe(body.abort)
        self._loop.call_soon_threadsafe(self._timer.cancel)
