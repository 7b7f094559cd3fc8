"""The HTTP/2 connections to one origin in one event loop, and who waits for a place on them.

Promises: requests get their streams in the order in which they came; a further connection is
opened when those that are there are full; one is opened at a time, and not for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from ..errors import ConnectFailed, GemstreamError
from .http2_connection import HTTP2Connection
from .http2_errors import not_connected, not_sendable
from .http2_stream import HTTP2Stream

__all__ = ("Head", "HTTP2Pool")

Head = Sequence[tuple[str, str]]
Connect = Callable[[HTTP2Connection], Awaitable[None]]


class _Opening(NamedTuple):
    """A request that waits; None in place of a stream: HTTP/2 is not spoken there."""

    head: Head
    body: bytes
    stream: asyncio.Future[tuple[HTTP2Connection, HTTP2Stream] | None]


class HTTP2Pool:
    """Opens streams at one origin; ``connect`` makes a connection.

    ``speaks_http2`` turns False when the origin has chosen another protocol.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connections: list[HTTP2Connection] = []
        self._openings: deque[_Opening] = deque()
        self._dialling: asyncio.Task[None] | None = None
        self.speaks_http2 = True

    async def stream(self, head: Head, body: bytes) -> tuple[HTTP2Connection, HTTP2Stream] | None:
        """Send a request and return its stream, None where HTTP/2 is not spoken.

        Raises ConnectFailed, InvalidRequest. Cancelling gives the place away.
        """
        opening = _Opening(head, body, asyncio.get_running_loop().create_future())
        self._openings.append(opening)
        self._serve()
        try:
            return await opening.stream
        except asyncio.CancelledError:
            if not opening.stream.cancelled() and opening.stream.exception() is None:
                if opened := opening.stream.result():  # it came in the same turn of the loop
                    opened[1].abort()
            raise
        finally:
            self._withdraw(opening)

    async def aclose(self, error: GemstreamError) -> None:
        """End everything with ``error``; returns when the connections are gone."""
        self._fail(lambda: error)
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        closing = [connection.aclose(error) for connection in self._connections]
        await asyncio.gather(*closing)

    def _withdraw(self, opening: _Opening) -> None:
        if opening in self._openings:
            self._openings.remove(opening)
        if not self._openings and self._dialling is not None:
            self._dialling.cancel()

    def _changed(self) -> None:
        self._connections = [each for each in self._connections if not each.is_lost]
        self._serve()

    def _serve(self) -> None:
        """Give places to those who wait, and see to more places."""
        while self._openings:
            connection = next((each for each in self._connections if each.has_room), None)
            if connection is None:
                if self._dialling is None:
                    dial = self._dial()
                    self._dialling = asyncio.create_task(dial, name="gemstream HTTP/2 connection")
                return
            opening = self._openings.popleft()
            if not opening.stream.done():
                _begin(opening, connection)

    async def _dial(self) -> None:
        connection = HTTP2Connection(self._changed)
        try:
            await self._connect(connection)
        except Exception as error:
            failed = error
            self._fail(lambda: not_connected(failed))
        else:
            self._take(connection)
        finally:
            self._dialling = None
        self._serve()

    def _take(self, connection: HTTP2Connection) -> None:
        if not connection.speaks_http2:
            self.speaks_http2 = False
            while self._openings:
                _answer(self._openings.popleft(), None)
        elif connection.has_room:
            self._connections.append(connection)
        else:
            self._fail(
                lambda: ConnectFailed("no connection: the service took it and ended it at once")
            )

    def _fail(self, error: Callable[[], GemstreamError]) -> None:
        """End the waiting of everybody, each with an error of their own."""
        while self._openings:
            opening = self._openings.popleft()
            if not opening.stream.done():
                opening.stream.set_exception(error())


def _begin(opening: _Opening, connection: HTTP2Connection) -> None:
    try:
        stream = connection.send(opening.head, opening.body)
    except Exception as error:
        opening.stream.set_exception(not_sendable(error))
    else:
        _answer(opening, (connection, stream))


def _answer(opening: _Opening, opened: tuple[HTTP2Connection, HTTP2Stream] | None) -> None:
    if not opening.stream.done():
        opening.stream.set_result(opened)
