"""WebSockets over aiohttp: uncompressed, kept alive, never given up for a pong that is late.

No task reads: the caller's own await does. A timer sends a ping now and then, so that whatever
stands between here and the service keeps the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any

from ..errors import GemstreamError, ProtocolError, StreamInterrupted
from .aiohttp_attempt import Broken, once
from .transport import Deadlines, HTTPRequest
from .web_socket import FAREWELL, Close, Refusal, oversized

if TYPE_CHECKING:
    import aiohttp

__all__ = ("AiohttpWebSocket", "dial_socket")

_SWITCHING = 101
# Error envelopes are a few hundred bytes; a page of some proxy is told by its beginning.
_MAX_REFUSAL = 64 * 1024
# Opcodes of RFC 6455 §5.2; aiohttp's own kinds, for what is no frame, lie above.
_TEXT, _BINARY, _CLOSE, _PING, _PONG, _ERROR = 1, 2, 8, 9, 10, 0x102
_NO_CODE, _TOO_BIG = 1005, 1009


class _Pings(threading.local):
    """The context of all pings of a thread, which runs one loop at a time.

    Each timer would copy one of its own, which takes 0.1 KiB and is read by nobody; and a context
    is entered by one thread at a time.
    """

    def __init__(self) -> None:
        self.context = contextvars.Context()


_PINGS = _Pings()


class _Refused(Exception):
    """Carries a refusal out of aiohttp, which would lose its body or follow it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


async def dial_socket(
    connector: aiohttp.BaseConnector,
    request: HTTPRequest,
    deadlines: Deadlines,
    *,
    proxy: str | None,
    max_message_size: int,
    ping_every: float,
) -> AiohttpWebSocket | Refusal:
    """Return a connection of ``connector``, or the refusal; raises aiohttp's errors."""
    import aiohttp

    session = aiohttp.ClientSession(
        connector=connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=deadlines.connect),
        middlewares=(_switched,),
    )
    try:
        socket = await session.ws_connect(
            request.url,
            headers=request.headers,
            proxy=proxy,
            timeout=aiohttp.ClientWSTimeout(ws_close=FAREWELL),
            autoping=False,
            autoclose=False,
            max_msg_size=max_message_size,
            decode_text=False,
        )
    except _Refused as refused:
        return refused.refusal
    except Broken as broken:
        raise broken.error from None
    finally:
        session.detach()
    # It was needed to get here, and would take 2.5 KiB as long as the connection lasts.
    socket._response._session = None
    return AiohttpWebSocket(socket, max_message_size, ping_every)


async def _switched(request: Any, handler: Any) -> Any:
    """Let nothing but a switch of protocols reach aiohttp's own judgement."""
    response = await once(request, handler)
    if response.status == _SWITCHING:
        return response
    try:
        body = b""
        while len(body) < _MAX_REFUSAL and (data := await response.content.readany()):
            body += data
    finally:
        response.close()
    raise _Refused(Refusal(response.status, response.headers, body[:_MAX_REFUSAL]))


class AiohttpWebSocket:
    """A connection of aiohttp; see ``WebSocket``."""

    __slots__ = (
        "__weakref__",
        "_close",
        "_failure",
        "_loop",
        "_max_message_size",
        "_next_ping",
        "_opcodes",
        "_ping_every",
        "_pinging",
        "_socket",
        "heard_at",
    )

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse[Any],
        max_message_size: int,
        ping_every: float,
    ) -> None:
        import aiohttp

        self._socket = socket
        self._opcodes = (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT)
        self._max_message_size = max_message_size
        self._ping_every = ping_every
        self._close: Close | None = None
        self._failure: GemstreamError | None = None
        self._loop = asyncio.get_running_loop()
        self.heard_at = self._loop.time()
        self._pinging: asyncio.Task[None] | None = None
        self._next_ping = self._loop.call_later(
            ping_every, self._keep_alive, context=_PINGS.context
        )

    async def send(self, payload: bytes, *, is_text: bool) -> None:
        """Send one message; see ``WebSocket.send``."""
        if self._close is None and self._failure is None:
            try:
                await self._socket.send_frame(payload, self._opcodes[is_text])
            except ConnectionError:  # aiohttp's are too
                pass
            else:
                return
        raise StreamInterrupted("the message was not sent: the connection is over")

    async def receive(self) -> bytes | Close:
        """Return the next message, or how it ended; see ``WebSocket.receive``."""
        while self._close is None and self._failure is None:
            try:
                message = await self._socket.receive()
            except asyncio.CancelledError:
                # aiohttp takes it for the end, and would await no answer to our close.
                self._socket._close_code = None
                raise
            kind = message.type
            if kind in (_TEXT, _BINARY):
                data: bytes = message.data
                return data
            if kind in (_PING, _PONG):
                self.heard_at = self._loop.time()
            if kind == _PING:
                with contextlib.suppress(ConnectionError):
                    await self._socket.pong(message.data)
            elif kind != _PONG:
                await self._end(message)
        if self._failure is not None:
            raise self._failure
        assert self._close is not None, "without a failure it was closed"
        return self._close

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say farewell and be gone; see ``WebSocket.close``."""
        if self._close is None:
            self._close = Close(code, reason)
        try:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(FAREWELL):
                    await self._socket.close(code=code, message=reason.encode())
        finally:
            self.abort()

    def abort(self) -> None:
        """Break the connection off; see ``WebSocket.abort``."""
        if self._close is None:
            self._close = Close()
        self._stop_pings()
        if not self._loop.is_closed():  # else it went with its loop
            self._socket._response.close()

    async def _end(self, message: Any) -> None:
        """Note how the connection ended, and answer a close frame."""
        import aiohttp

        if self._close is not None:
            return  # it was us
        error = message.data if message.type == _ERROR else None
        if isinstance(error, aiohttp.WebSocketError):
            is_too_big = error.code == _TOO_BIG
            self._failure = (
                oversized(self._max_message_size)
                if is_too_big
                else ProtocolError(f"the other end does not speak WebSocket: {error}")
            )
            self.abort()
        elif message.type == _CLOSE:
            self._close = Close(message.data or _NO_CODE, message.extra or "")
            await self.close()
        else:
            self.abort()

    def _keep_alive(self) -> None:
        self._next_ping = self._loop.call_later(
            self._ping_every, self._keep_alive, context=_PINGS.context
        )
        if self._pinging is None:  # else the last one still waits for the other end to read
            self._pinging = self._loop.create_task(self._ping(), name="gemstream pings")

    async def _ping(self) -> None:
        try:
            with contextlib.suppress(ConnectionError):  # its reader is told
                await self._socket.ping()
        finally:
            self._pinging = None

    def _stop_pings(self) -> None:
        if self._loop.is_closed():
            return
        self._next_ping.cancel()
        if self._pinging is not None:
            self._pinging.cancel()
