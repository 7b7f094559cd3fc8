"""The HTTP/1.1 connections to one origin in one event loop.

Promises: an idle connection is used before a new one is made, the one that was used last first;
none stays idle for longer than ``_IDLE``. Their number is not limited: limits belong to the
accounts, not to the socket pool.
"""

from __future__ import annotations

import asyncio
import ssl

from ..errors import ConnectFailed, GemstreamError
from .addresses import Addresses
from .http1_connection import HTTP1Connection
from .http2_dial import Dial
from .http2_errors import connect_timeout, ended_at_once, interrupted, not_connected, system_said

__all__ = ("HTTP1Pool",)

_IDLE = 15.0  # seconds, as aiohttp has it; servers close theirs after five to some hundred
_FAREWELL = 1.0  # seconds for sockets to be gone


class HTTP1Pool:
    """Gives connections to the place of ``dial``."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._addresses = Addresses(dial.host, dial.real_port)
        self._idle: dict[HTTP1Connection, None] = {}  # the longest idle first
        self._connections: set[HTTP1Connection] = set()
        self._dialling: set[asyncio.Timeout] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._lost_all = asyncio.Event()
        self._end = ""  # why nothing is opened any more
        self._loop = asyncio.get_running_loop()

    async def connection(self, seconds: float | None) -> HTTP1Connection:
        """Return a connection that carries nothing, a new one within ``seconds``.

        Raises ConnectFailed, ConnectTimeout, InvalidRequest for a host that is no name, and
        StreamInterrupted when the pool is closed. Cancelling closes what was begun.
        """
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_fresh:
                return connection
            connection.abort()
        return await self._new(seconds)

    def release(self, connection: HTTP1Connection) -> None:
        """Take back a connection that may carry another request."""
        if self._end:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        self._idle[connection] = None
        if self._sweep is None:
            self._sweep = self._loop.call_later(_IDLE, self._drop_idle)

    def forget(self, connection: HTTP1Connection) -> None:
        """Let go of a connection that is lost."""
        self._connections.discard(connection)
        self._idle.pop(connection, None)
        if not self._connections:
            self._lost_all.set()

    async def aclose(self, reason: str) -> None:
        """End everything because of ``reason``; returns when the sockets are gone."""
        self._end = reason
        if self._sweep is not None:
            self._sweep.cancel()
        for limit in self._dialling:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        self._lost_all.clear()
        for connection in tuple(self._connections):
            connection.interrupt(interrupted(reason))
        if self._connections:
            try:
                async with asyncio.timeout(_FAREWELL):
                    await self._lost_all.wait()
            except TimeoutError:
                self._connections.clear()

    async def _new(self, seconds: float | None) -> HTTP1Connection:
        connection = HTTP1Connection(self)
        failure: GemstreamError | None = None
        try:
            async with asyncio.timeout(seconds) as limit:
                self._dialling.add(limit)
                try:
                    await self._dial.connect(connection, await self._addresses.found())
                finally:
                    self._dialling.discard(limit)
        except TimeoutError as error:
            # A system has a limit of its own, and says so with a number.
            failure = self._refused(error) if error.errno else connect_timeout(seconds)
        except Exception as error:
            failure = self._refused(error)
        else:
            failure = _not_usable(connection)
        if self._end:
            failure = interrupted(self._end)
        if failure is not None:
            connection.abort()
            raise failure  # out here it has no context
        self._connections.add(connection)
        return connection

    def _refused(self, error: Exception) -> GemstreamError:
        if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
            return not_connected(error)
        host = f"[{self._dial.host}]" if ":" in self._dial.host else self._dial.host
        place = f"{host}:{self._dial.real_port}"
        return ConnectFailed(
            f"no connection: {place}: {system_said(error)}; check base_url and the network"
        )

    def _drop_idle(self) -> None:
        """Close the connections that were idle for long enough, and look again for the others."""
        self._sweep = None
        now = self._loop.time()
        for connection in tuple(self._idle):
            if connection.idle_since + _IDLE > now:
                self._sweep = self._loop.call_at(connection.idle_since + _IDLE, self._drop_idle)
                break
            del self._idle[connection]
            connection.abort()


def _not_usable(connection: HTTP1Connection) -> GemstreamError | None:
    """Return what speaks against a connection that came about, None for a good one."""
    agreed = connection.protocol
    if agreed in (None, "http/1.1"):
        return ended_at_once() if connection.is_closing else None
    failed = ConnectFailed(
        f"no connection: TLS has agreed on {agreed!r}, and HTTP/1.1 alone is spoken here; give "
        "ssl a context that offers it"
    )
    failed.retryable = False
    return failed
