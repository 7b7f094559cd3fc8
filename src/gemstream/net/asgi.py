"""The in-process transport: an ASGI application instead of a socket.

Promises: it streams. Each body message of the application is handed over in one slot and the
application goes on only when there is room for the next, so backpressure and real time are those of
a socket. Leaving early delivers ``http.disconnect``, waits a bounded moment for the application to
put its books in order, then cancels it; after a complete answer it may work on as it likes, until
the transport closes.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import InvalidState, StreamInterrupted, StreamTimeout
from .asgi_socket import ASGIWebSocket
from .coding import check_coding
from .timer import StreamTimer, head_timeout
from .transport import Deadlines, HTTPRequest
from .web_socket import PING_EVERY, Refusal

__all__ = ("ASGIApplication", "ASGITransport")

Message = MutableMapping[str, Any]
ASGIApplication = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

# Long enough to write a journal line, short enough not to be felt.
_FAREWELL = 1.0


class ASGITransport:
    """Opens exchanges with an ASGI application in this process; refuses packed bodies."""

    def __init__(self, application: ASGIApplication) -> None:
        self._application = application
        self._open: set[_ASGIExchange] = set()
        self._sockets: set[ASGIWebSocket] = set()
        self._closed = False

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> _ASGIExchange:
        """Run the application on ``request`` and return its exchange; see ``Transport.open``."""
        if self._closed:
            raise InvalidState("the transport is closed; make a new client")
        exchange = _ASGIExchange(self._application, request, deadlines, self._open)
        try:
            await exchange.start()
            check_coding(exchange.headers, "ASGITransport")
        except BaseException:
            exchange.abort()
            raise
        return exchange

    async def open_socket(
        self,
        request: HTTPRequest,
        deadlines: Deadlines,
        *,
        max_message_size: int,
        ping_every: float = PING_EVERY,
    ) -> ASGIWebSocket | Refusal:
        """Run the application on a WebSocket; see ``SocketTransport.open_socket``."""
        if self._closed:
            raise InvalidState("the transport is closed; make a new client")
        until, late = head_timeout(deadlines, asyncio.get_running_loop().time())
        socket = ASGIWebSocket(self._application, request, max_message_size, self._sockets)
        limit = asyncio.timeout_at(until)
        try:
            async with limit:
                refusal = await socket.start()
        except BaseException as error:
            socket.abort()
            if isinstance(error, TimeoutError) and limit.expired():
                raise late from None
            raise
        return socket if refusal is None else refusal

    async def aclose(self) -> None:
        """End every exchange that is still open, and what applications do after their answers."""
        self._closed = True
        tasks = [task for exchange in tuple(self._open) if (task := exchange.dismiss())]
        tasks += [socket.dismiss() for socket in tuple(self._sockets)]
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL)


class _ASGIExchange:
    """One run of the application, and the slot between it and the reader."""

    __slots__ = (
        "_asked",
        "_failure",
        "_farewell",
        "_gone",
        "_head",
        "_loop",
        "_reader",
        "_request",
        "_siblings",
        "_slot",
        "_state",
        "_stream",
        "_task",
        "_timer",
        "_writer",
        "headers",
        "status",
    )

    def __init__(
        self,
        application: ASGIApplication,
        request: HTTPRequest,
        deadlines: Deadlines,
        siblings: set[_ASGIExchange],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._request = request
        self._siblings = siblings
        self._head: asyncio.Future[None] = self._loop.create_future()
        self._slot: bytes | None = None
        self._reader: asyncio.Future[None] | None = None  # waits for the slot to fill
        self._writer: asyncio.Future[None] | None = None  # waits for it to empty
        self._state = _State.OPEN
        self._failure: Exception | None = None
        self._asked = False
        self._stream: AsyncIterator[bytes] | None = None
        if request.stream is not None:
            self._stream = aiter(request.stream)
        self._gone = asyncio.Event()
        self._farewell: asyncio.TimerHandle | None = None  # cancels an application that stays
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._timer = StreamTimer(deadlines, self._loop.time(), self._fail)
        self._task = self._loop.create_task(self._run(application), name=f"asgi {request.url}")
        siblings.add(self)
        self._task.add_done_callback(self._forget)

    async def start(self) -> None:
        """Wait for the response's head."""
        self._timer.waiting_since = self._loop.time()
        await self._head
        self._timer.waiting_since = None
        if not self.status and self._failure is not None:
            raise self._failure

    async def receive(self) -> bytes:
        self._timer.waiting_since = self._loop.time()
        while self._slot is None:
            if self._failure is not None:
                raise self._failure
            if self._state is _State.ENDED:
                self._timer.cancel()
                return b""
            self._reader = self._loop.create_future()
            await self._reader
        data, self._slot = self._slot, None
        self._timer.waiting_since = None
        _wake(self._writer)
        return data

    def began(self) -> None:
        self._timer.began()

    def abort(self) -> None:
        self._timer.cancel()
        if not self._gone.is_set() and not self._loop.is_closed():  # else it went with its loop
            self._gone.set()
            _wake(self._writer)
            self._fail(StreamInterrupted("the exchange was closed"))
            if self._state is not _State.ENDED:  # what comes after an answer is no exchange
                self._cancel_later()
        self._forget()

    async def aclose(self) -> None:
        self.abort()
        if self._state is not _State.ENDED and not self._task.done():
            await asyncio.wait([self._task], timeout=_FAREWELL)

    def dismiss(self) -> asyncio.Task[None] | None:
        """Break the exchange off, answered or not; return the task that is left to wait for."""
        self.abort()
        if self._task.done() or self._loop is not asyncio.get_running_loop():
            return None
        self._cancel_later()
        return self._task

    def _cancel_later(self) -> None:
        if self._farewell is None and not self._task.done():
            self._farewell = self._loop.call_later(_FAREWELL, self._task.cancel)

    def _forget(self, _: object = None) -> None:
        """Leave nothing behind once both sides are done, or their loop is."""
        if self._loop.is_closed() or (self._task.done() and self._gone.is_set()):
            self._siblings.discard(self)
        if self._task.done() and self._farewell is not None:
            self._farewell.cancel()

    async def _run(self, application: ASGIApplication) -> None:
        try:
            await application(_scope(self._request), self._receive_request, self._send)
        except Exception as error:
            interrupted = StreamInterrupted(
                f"the connection broke: the application failed with {error!r}"
            )
            interrupted.__cause__ = error
            self._fail(interrupted)
        except BaseException:
            self._fail(StreamInterrupted("the connection broke: the application was cancelled"))
            raise
        else:
            self._fail(StreamInterrupted("the application returned before its response ended"))

    async def _receive_request(self) -> Message:
        if not self._asked and self._stream is not None:
            return await self._receive_piece(self._stream)
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _receive_piece(self, stream: AsyncIterator[bytes]) -> Message:
        """Return the next piece of the request's body; once nobody waits any more, the farewell."""
        asked = asyncio.ensure_future(anext(stream, None))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((asked, gone), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                return {"type": "http.disconnect"}
            piece = asked.result()
        except Exception as error:
            interrupted = StreamInterrupted(f"the connection broke: the body ended with {error!r}")
            interrupted.__cause__ = error
            self._fail(interrupted)
            return {"type": "http.disconnect"}
        finally:
            asked.cancel()
            gone.cancel()
        self._asked = piece is None
        return {"type": "http.request", "body": piece or b"", "more_body": not self._asked}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._receive_head(message)
            return
        if body := bytes(message.get("body", b"")):
            await self._hand_over(body)
        if not message.get("more_body", False) and self._state is _State.OPEN:
            self._state = _State.ENDED
            _wake(self._reader)

    def _receive_head(self, message: Message) -> None:
        from multidict import CIMultiDict

        if self._state is _State.FAILED:
            return  # the request did not come to its end: nobody waits for an answer
        self.status = message["status"]
        self.headers = CIMultiDict(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in message.get("headers", ())
        )
        _wake(self._head)

    async def _hand_over(self, body: bytes) -> None:
        while self._slot is not None and not self._gone.is_set():
            self._writer = self._loop.create_future()
            await self._writer
        self._slot = body
        _wake(self._reader)

    def _fail(self, error: StreamTimeout | StreamInterrupted) -> None:
        """Note how the exchange ended, unless it had already."""
        if self._state is not _State.OPEN:
            return
        self._state = _State.FAILED
        self._failure = error
        _wake(self._head)
        _wake(self._reader)


class _State(enum.Enum):
    OPEN = "open"
    ENDED = "ended"
    FAILED = "failed"


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _framing(request: HTTPRequest) -> dict[str, str]:
    if request.stream is None:
        return {"content-length": str(len(request.body))}
    is_known = any(name.lower() == "content-length" for name in request.headers)
    return {} if is_known else {"transfer-encoding": "chunked"}


def _scope(request: HTTPRequest) -> MutableMapping[str, Any]:
    """Return the ASGI HTTP scope of ``request`` (ASGI specification 3.0, version 2.3)."""
    url = urlsplit(request.url)
    headers = {"host": url.netloc, **_framing(request)}
    headers.update((name.lower(), value) for name, value in request.headers.items())
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": (url.hostname, url.port or 80),
    }
