"""One request with its response, as the relay's server sees it.

Promises: a body is bounded before it is kept; what is sent goes out at once, and ``send`` returns
only when the caller's socket takes more; a caller who leaves is noticed at any moment, also while
the upstream is silent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from .direct import EXTENSION, Direct

__all__ = ("BodyTooLarge", "CallerGone", "Exchange", "Header", "Receive", "Scope", "Send")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]


class CallerGone(Exception):
    """The caller left; nobody is there to be answered."""


class BodyTooLarge(Exception):
    """The request's body is longer than allowed; the rest of it was not read."""


class Exchange:
    """A request read and an answer written, over ASGI's ``receive`` and ``send``.

    ``direct``: the server's short way for pieces of the body, None where it has none. ``path`` is
    the decoded path that routes are chosen by, ``raw_path`` what stood on the wire.
    ``peer``: the address of the socket's other end. ``status``: of the head that was sent, 0
    before. ``is_ended``: the last of the answer was handed over while the caller was there.
    ``started`` and ``read_at``: when the head and the whole request had come, of
    ``time.monotonic``.
    """

    __slots__ = (
        "_receive",
        "_send",
        "direct",
        "headers",
        "is_ended",
        "is_gone",
        "method",
        "path",
        "peer",
        "query_string",
        "raw_path",
        "read_at",
        "request_id",
        "scheme",
        "sent",
        "started",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._receive = receive
        self._send = send
        self.request_id = request_id
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.scheme: str = scope.get("scheme") or "http"
        self.raw_path: bytes = scope.get("raw_path") or b""
        self.query_string: bytes = scope.get("query_string") or b""
        self.headers: tuple[Header, ...] = tuple(scope["headers"])
        client = scope.get("client")
        self.peer: str = client[0] if client else ""
        self.direct: Direct | None = (scope.get("extensions") or {}).get(EXTENSION)
        self.is_gone = False
        self.is_ended = False
        self.status = 0
        self.sent = 0
        self.started = self.read_at = time.monotonic()

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's pairs, in order."""
        return parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True)

    def header(self, name: bytes) -> str | None:
        """Return the first value of the header ``name`` (lower case), or None."""
        for each, value in self.headers:
            if each == name:
                return value.decode("latin-1")
        return None

    async def read_body(self, most: int) -> bytes:
        """Return the body; raises BodyTooLarge above ``most`` bytes, and CallerGone."""
        length = self.header(b"content-length")
        if length is not None and length.isdigit() and int(length) > most:
            raise BodyTooLarge
        pieces: list[bytes] = []
        size = 0
        while True:
            piece, is_last = await self.receive_piece()
            size += len(piece)
            if size > most:
                raise BodyTooLarge
            pieces.append(piece)
            if is_last:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def receive_piece(self) -> tuple[bytes, bool]:
        """Return the next piece of the body, and whether it is the last; raises CallerGone."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.is_gone = True
            raise CallerGone
        is_last = not message.get("more_body", False)
        if is_last:
            self.read_at = time.monotonic()
        return message.get("body", b""), is_last

    @asynccontextmanager
    async def watched(self, on_gone: Callable[[], None]) -> Any:
        """Call ``on_gone`` once if the caller leaves within the block; the body must be read."""
        watcher = asyncio.ensure_future(self._watch(on_gone))
        try:
            yield
        finally:
            watcher.cancel()

    async def _watch(self, on_gone: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        on_gone()

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        """Send the head."""
        self.status = status
        await self._send(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    async def send(self, data: bytes) -> None:
        """Send a piece of the body; returns when more may be sent. To one who left, nothing."""
        if self.is_gone:
            return
        self.sent += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece of the body."""
        self.sent += len(data)
        self.is_ended = not self.is_gone
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def answer(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        """Send a whole answer."""
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, (*headers, length))
        await self.end(body)
