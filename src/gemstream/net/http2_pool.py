"""The HTTP/2 connections to one origin in one event loop, and who waits for a place on them.

Promises: requests get their streams in the order in which they came; when the connections that are
there are full, as many further ones are opened as those who wait need, and none for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from ..errors import GemstreamError
from .http2_connection import HTTP2Connection
from .http2_errors import ended_at_once, interrupted, not_connected, not_sendable
from .http2_stream import HTTP2Stream

__all__ = ("HTTP2Pool", "Opened")

# On one connection, until the server has said how many it allows (RFC 9113, 6.5.2: no fewer).
_MOST_STREAMS = 100

Head = Sequence[tuple[str, str]]
Connect = Callable[[HTTP2Connection], Awaitable[None]]


class Opened(NamedTuple):
    """A stream on its connection."""

    connection: HTTP2Connection
    stream: HTTP2Stream


# What a request waits for; None: HTTP/2 is not spoken there.
_Place = asyncio.Future[Opened | None]


class HTTP2Pool:
    """Opens streams at one origin; ``connect`` makes a connection.

    ``speaks_http2`` turns False when the origin has chosen another protocol.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connections: list[HTTP2Connection] = []
        self._waiting: dict[_Place, tuple[Head, bytes]] = {}  # in the order of their coming
        self._dials: set[asyncio.Task[None]] = set()
        self._most_streams = _MOST_STREAMS  # what the server said last
        self.speaks_http2 = True

    async def send(self, head: Head, body: bytes) -> Opened | None:
        """Send a request and return its stream, None where HTTP/2 is not spoken.

        Raises ConnectFailed, InvalidRequest. Cancelling gives the place away.
        """
        place: _Place = asyncio.get_running_loop().create_future()
        self._waiting[place] = (head, body)
        self._serve()
        try:
            return await place
        except asyncio.CancelledError:
            is_taken = place.done() and not place.cancelled() and place.exception() is None
            if is_taken and (opened := place.result()):  # it came in the same turn of the loop
                opened.stream.abort()
            raise
        finally:
            self._waiting.pop(place, None)
            self._stop_dials()

    async def aclose(self, reason: str) -> None:
        """End everything because of ``reason``; returns when the connections are gone."""
        self._fail(lambda: interrupted(reason))
        self._stop_dials()
        if self._dials:
            await asyncio.wait(self._dials)
        await asyncio.gather(*[each.aclose(reason) for each in self._connections])

    def _changed(self) -> None:
        self._connections = [each for each in self._connections if not each.is_lost]
        if self._connections:
            self._most_streams = max(1, self._connections[-1].most_streams)
        if self._waiting:
            self._serve()

    def _serve(self) -> None:
        """Give places to those who wait, and see to more places."""
        for connection in self._connections:
            while self._waiting and connection.has_room:
                place = next(iter(self._waiting))
                _take(place, connection, *self._waiting.pop(place))
        while len(self._waiting) > len(self._dials) * self._most_streams:
            dial = asyncio.create_task(self._dial(), name="gemstream HTTP/2 connection")
            self._dials.add(dial)
            dial.add_done_callback(self._dialled)

    def _stop_dials(self) -> None:
        if not self._waiting:
            for dial in self._dials:
                dial.cancel()

    async def _dial(self) -> None:
        connection = HTTP2Connection(self._changed, self._most_streams)
        try:
            await self._connect(connection)
        except Exception as error:
            failed = error
            self._fail(lambda: not_connected(failed))
            return
        if not connection.speaks_http2:
            self.speaks_http2 = False
            self._fail(lambda: None)
        elif connection.has_room:
            self._connections.append(connection)
            self._serve()  # at once: what is lost in the next turn must not be opened for ever
        else:
            self._fail(ended_at_once)

    def _dialled(self, dial: asyncio.Task[None]) -> None:
        self._dials.discard(dial)
        self._serve()

    def _fail(self, error: Callable[[], GemstreamError | None]) -> None:
        """End the waiting of everybody, each with an error of their own or with None."""
        waiting, self._waiting = self._waiting, {}
        for place in waiting:
            if place.done():
                continue
            if (failure := error()) is None:
                place.set_result(None)
            else:
                place.set_exception(failure)


def _take(place: _Place, connection: HTTP2Connection, head: Head, body: bytes) -> None:
    if place.done():  # its caller was cancelled
        return
    try:
        stream = connection.send(head, body)
    except Exception as error:  # h2's, for a head it does not let through
        place.set_exception(not_sendable(error))
    else:
        place.set_result(Opened(connection, stream))
