"""A WebSocket to an ASGI application in this process.

Both directions hold a bounded amount, as sockets do: without it two ends that send at the same
moment would wait for each other for ever. There are no pings.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Generic, TypeVar
from urllib.parse import unquote, urlsplit

from ..errors import GemstreamError, StreamInterrupted
from .transport import HTTPRequest
from .web_socket import FAREWELL, Close, Refusal, oversized

__all__ = ("ASGIWebSocket",)

_log = logging.getLogger("gemstream.net")

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

# As much as a socket's buffers hold before its writer has to wait, in order of magnitude.
_HIGH_WATER = 256 * 1024
_FORBIDDEN, _FAILED = 403, 500  # how servers refuse a handshake

T = TypeVar("T")


class ASGIWebSocket:
    """One run of the application; see ``WebSocket``."""

    __slots__ = (
        "_accepted",
        "_answer",
        "_close",
        "_failure",
        "_farewell",
        "_from_client",
        "_loop",
        "_max_message_size",
        "_siblings",
        "_task",
        "_to_client",
        "heard_at",
    )

    def __init__(
        self,
        application: Application,
        request: HTTPRequest,
        max_message_size: int,
        siblings: set[ASGIWebSocket],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.heard_at = self._loop.time()  # and never again: there are no pings
        self._max_message_size = max_message_size
        self._siblings = siblings
        self._accepted: asyncio.Future[Refusal | None] = self._loop.create_future()
        self._answer = Refusal(_FAILED, {})  # what refuses the handshake, as far as it has come
        self._to_client: _Lane[bytes | Close] = _Lane()
        self._from_client: _Lane[Message] = _Lane()
        self._from_client.put({"type": "websocket.connect"}, 0)
        self._close: Close | None = None
        self._failure: GemstreamError | None = None
        self._farewell: asyncio.TimerHandle | None = None  # cancels an application that stays
        running = self._run(application, _scope(request))
        self._task = self._loop.create_task(running, name=f"asgi {urlsplit(request.url).path}")
        siblings.add(self)
        self._task.add_done_callback(self._forget)

    async def start(self) -> Refusal | None:
        """Wait until the application has let the handshake through, or refused it."""
        return await self._accepted

    async def send(self, payload: bytes, *, is_text: bool) -> None:
        """Send one message; see ``WebSocket.send``."""
        if self._close is not None or self._failure is not None:
            raise StreamInterrupted("the message was not sent: the connection is over")
        message: Message = {"type": "websocket.receive"}
        if is_text:
            message["text"] = payload.decode()
        else:
            message["bytes"] = payload
        self._from_client.put(message, len(payload))
        await self._from_client.has_room()

    async def receive(self) -> bytes | Close:
        """Return the next message, or how it ended; see ``WebSocket.receive``."""
        if self._failure is not None:
            raise self._failure
        if self._close is not None:
            return self._close
        message = await self._to_client.get()
        if isinstance(message, Close):
            if self._close is None:
                self._close = message
            return self._close
        if len(message) > self._max_message_size:
            self._failure = oversized(self._max_message_size)
            self._leave(Close(1009))
            raise self._failure
        return message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say farewell and be gone; see ``WebSocket.close``."""
        try:
            self._leave(Close(code, reason))
            if not self._task.done():
                await asyncio.wait([self._task], timeout=FAREWELL)
        finally:
            self._task.cancel()

    def abort(self) -> None:
        """Break the connection off; see ``WebSocket.abort``."""
        if not self._loop.is_closed():  # else it went with its loop
            self._leave(Close())

    def dismiss(self) -> asyncio.Task[None]:
        """Break the connection off; return the task that is left to wait for."""
        self.abort()
        return self._task

    def _leave(self, close: Close) -> None:
        """Tell both ends that the connection is over, and give the application a moment."""
        if self._close is None:
            self._close = close
        self._to_client.put(self._close, 0)
        self._to_client.end()
        self._disconnect(close)
        if self._farewell is None and not self._task.done():
            self._farewell = self._loop.call_later(FAREWELL, self._task.cancel)

    def _disconnect(self, close: Close) -> None:
        code = 1006 if close.code is None else close.code
        self._from_client.put(
            {"type": "websocket.disconnect", "code": code, "reason": close.reason}, 0
        )
        self._from_client.end()

    def _forget(self, _: object = None) -> None:
        self._siblings.discard(self)
        if self._farewell is not None:
            self._farewell.cancel()

    async def _run(self, application: Application, scope: Message) -> None:
        try:
            await application(scope, self._from_client.get, self._send)
        except Exception as error:
            _log.warning("the application of a WebSocket failed with %r", error)
        finally:
            if not self._accepted.done():
                self._accepted.set_result(self._answer)
            self._to_client.put(Close(), 0)  # behind the application's own, if it closed
            self._from_client.end()

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            if not self._accepted.done():  # else nobody waits any more
                self._accepted.set_result(None)
        elif kind == "websocket.send":
            text = message.get("text")
            data = bytes(message.get("bytes") or b"") if text is None else text.encode()
            self._to_client.put(data, len(data))
            await self._to_client.has_room()
        elif kind == "websocket.close":
            self._receive_close(message)
        else:
            self._receive_refusal(message)

    def _receive_close(self, message: Message) -> None:
        if not self._accepted.done():
            self._accepted.set_result(Refusal(_FORBIDDEN, {}))
            return
        close = Close(message.get("code", 1000), message.get("reason") or "")
        self._to_client.put(close, 0)
        self._disconnect(close)

    def _receive_refusal(self, message: Message) -> None:
        """Take a refusal of the extension "websocket.http.response"."""
        from multidict import CIMultiDict

        if message["type"] == "websocket.http.response.start":
            headers = CIMultiDict(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            )
            self._answer = Refusal(message["status"], headers)
            return
        answer = self._answer
        self._answer = Refusal(answer.status, answer.headers, answer.body + message["body"])
        if not message.get("more_body") and not self._accepted.done():
            self._accepted.set_result(self._answer)


class _Lane(Generic[T]):
    """Messages in one direction, in order."""

    __slots__ = ("_ended", "_filled", "_items", "_room", "_size")

    def __init__(self) -> None:
        self._items: deque[tuple[T, int]] = deque()
        self._size = 0
        self._ended = False
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, item: T, size: int) -> None:
        if self._ended:
            return  # nobody reads any more
        self._items.append((item, size))
        self._size += size
        self._filled.set()
        if self._size > _HIGH_WATER:
            self._room.clear()

    async def has_room(self) -> None:
        await self._room.wait()

    async def get(self) -> T:
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        item, size = self._items.popleft()
        self._size -= size
        if self._size <= _HIGH_WATER:
            self._room.set()
        return item

    def end(self) -> None:
        """Take nothing more, and let nobody wait for room."""
        self._ended = True
        self._room.set()


def _scope(request: HTTPRequest) -> Message:
    """Return the ASGI WebSocket scope of ``request`` (ASGI specification 3.0, version 2.4)."""
    url = urlsplit(request.url)
    headers = {"host": url.netloc, "upgrade": "websocket", "connection": "Upgrade"}
    headers.update((name.lower(), value) for name, value in request.headers.items())
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if url.scheme in ("wss", "https") else "ws",
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": (url.hostname, url.port or 80),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
