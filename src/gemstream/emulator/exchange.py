"""One exchange as the emulator sees it: the request read, the answer written, the books kept.

Promises: what is written goes out at once; when the client leaves, the work on its answer ends
at once; exactly one journal entry is made, before the answer's end is sent.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from ..errors import APIError
from ..wire.codec import Message, encode
from ..wire.usage import UsageMetadata
from .journal import End
from .refusal import too_large, unsupported_encoding

__all__ = (
    "MAX_BODY",
    "Cut",
    "Exchange",
    "Header",
    "Left",
    "Receive",
    "Scope",
    "Send",
    "Write",
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Write = Callable[[bytes], Awaitable[None]]
Header = tuple[bytes, bytes]

# The service's limit for a request with inline data.
MAX_BODY = 20 * 1024 * 1024
_HEADERS: tuple[Header, ...] = (
    (b"vary", b"Origin, X-Origin, Referer"),
    (b"server", b"scaffolding on HTTPServer2"),
    (b"x-xss-protection", b"0"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-content-type-options", b"nosniff"),
)


class Cut(Exception):
    """The connection is to break here; servers close it without an end when this escapes."""


class _Ended(Exception):
    """The body ended cleanly in the middle of a write."""


class Left(Exception):
    """The client went away."""


class Exchange:
    """One request with its response.

    ``settle`` is awaited once with the way it ended. The fields from ``request_id`` on are what
    the journal wants to know and are filled while the answer is made. The body goes out compressed
    when the request accepts gzip, each write flushed, unless ``may_compress`` is unset;
    ``cut_at``, ``end_at`` and ``bytes`` count what goes out.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        settle: Callable[[Exchange, End], Awaitable[None]],
    ) -> None:
        self._receive = receive
        self._send_out = send
        self._settle = settle
        self._settled = False
        self._interrupted = False
        self._running: asyncio.Task[None] | None = None  # reads the body, then answers
        self._arrived = time.monotonic()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.client: tuple[str, int] | None = scope.get("client")
        self.query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self.body = b""
        self.body_error: APIError | None = None
        self.cut_at: int | None = None  # the body breaks off at this byte
        self.end_at: int | None = None  # the body ends cleanly at this byte
        self.ended = False  # nothing more goes out
        self.content_type: str | None = None  # instead of the answer's own
        self.more_headers: list[Header] = []
        self.may_compress = True
        self.must_compress = False  # whatever the request accepts
        self._gzip: Any = None  # the compressor, from the head on
        self._write_out: Write = self._emit
        self.request_id = ""
        self.operation: str | None = None
        self.model: str | None = None
        self.is_vertex = False
        self.usage: UsageMetadata | None = None
        self.status = 0
        self.bytes = 0

    @property
    def settled(self) -> bool:
        """True once the way it ends is decided."""
        return self._settled

    async def run(self, work: Callable[[Exchange], Awaitable[None]]) -> None:
        """Read the request and do ``work`` on it until it is done or the client leaves.

        Raises Cut when the connection is to break.
        """
        try:
            await self._read_unless_interrupted()
            await self._work_while_connected(work)
        except Left:
            await self._settle_once(End.ABORTED)
            if self._interrupted:
                raise Cut from None
        except Cut:
            await self._settle_once(End.ERROR)
            raise
        except asyncio.CancelledError:
            await self._settle_once(End.ABORTED)
            raise

    def interrupt(self) -> None:
        """Break the exchange off from this side, also while its body is being read."""
        self._interrupted = True
        if self._running is not None:
            self._running.cancel()

    async def start(self, status: int, content_type: str, *more: Header) -> None:
        """Send the head."""
        self.status = status
        spent = f"gfet4t7; dur={(time.monotonic() - self._arrived) * 1000:.0f}"
        headers = [
            (b"content-type", (self.content_type or content_type).encode()),
            *_HEADERS,
            (b"server-timing", spent.encode()),
            *more,
            *self.more_headers,
        ]
        if self._compresses():
            self._gzip = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send_head(self, status: int, headers: Iterable[Header]) -> None:
        """Send a head that was made elsewhere, as it is."""
        self.status = status
        await self._send(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    def shape(self, wrap: Callable[[Write], Write]) -> None:
        """Have the body's bytes written by what ``wrap`` makes of the present way."""
        self._write_out = wrap(self._write_out)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body at once; raises Cut at the byte where it is to break."""
        if self.ended:
            return
        if self._gzip is not None and data:
            # Flushed, or the compressor would hold chunks back to fill its window.
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        await self._write_until_end(data)

    async def finish(self, end: End = End.FINISHED) -> None:
        """Make the journal entry, then end the answer cleanly; raises Cut where it must not."""
        if self.ended:
            return
        if self._gzip is not None:
            await self._write_until_end(self._gzip.flush())
        if self.cut_at is not None:
            raise Cut
        await self._end(end)

    async def answer(
        self, status: int, content_type: str, body: bytes, end: End = End.FINISHED
    ) -> None:
        """Make the journal entry, then send a whole answer; raises Cut where it is to break."""
        length = (b"content-length", str(len(body)).encode())
        is_known = self.end_at is None and not self._compresses()
        if is_known and self.cut_at is None:
            await self._settle_first(status, len(body), end)
        await self.start(status, content_type, *([length] if is_known else []))
        await self.write(body)
        await self.finish(end)

    async def _settle_first(self, status: int, size: int, end: End) -> None:
        """Do the books before the bytes: to a client an answer ends at its content-length."""
        self.status, self.bytes = status, size
        await self._settle_once(end)
        self.bytes = 0

    async def answer_json(self, message: Message | Mapping[str, Any]) -> None:
        """Send a whole answer of JSON."""
        await self.answer(200, "application/json; charset=UTF-8", encode(message))

    def _compresses(self) -> bool:
        accepted = self.headers.get("accept-encoding", "")
        return self.must_compress or (self.may_compress and _accepts_gzip(accepted))

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._send_out(message)
        except OSError:  # how a server says that the client has left (ASGI 2.4, "Disconnected")
            raise Left from None

    async def _write_until_end(self, data: bytes) -> None:
        with suppress(_Ended):  # also what paces and slices the write stops there
            await self._write_out(data)

    async def _emit(self, data: bytes) -> None:
        """Send bytes as they go over the wire, up to the one where they break off or end."""
        limits = [limit for limit in (self.cut_at, self.end_at) if limit is not None]
        limit = min(limits, default=None)
        if limit is not None:
            data = data[: max(0, limit - self.bytes)]
        if data:
            self.bytes += len(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        if limit is None or self.bytes < limit:
            return
        if limit == self.cut_at:
            raise Cut
        await self._end(End.FINISHED)
        raise _Ended

    async def _end(self, end: End) -> None:
        if not self.ended:
            self.ended = True
            await self._settle_once(end)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _read_unless_interrupted(self) -> None:
        await self._finish_first(
            asyncio.create_task(self._read_body(), name=f"emulator reads {self.path}")
        )
        if self._interrupted:  # when the body had just been read
            raise Left

    async def _work_while_connected(self, work: Callable[[Exchange], Awaitable[None]]) -> None:
        async def answer() -> None:
            await work(self)

        await self._finish_first(
            asyncio.create_task(answer(), name=f"emulator {self.path}"),
            asyncio.create_task(self._until_left(), name="emulator watches the client"),
        )

    async def _finish_first(self, task: asyncio.Task[None], *rivals: asyncio.Task[None]) -> None:
        """Wait for ``task``; raises Left when a rival ended first or it was interrupted."""
        self._running = task
        tasks = (task, *rivals)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for running in tasks:
                running.cancel()
            await asyncio.wait(tasks)
        if task.cancelled():
            raise Left
        task.result()

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _read_body(self) -> None:
        """Read to the end even what is refused, or the client would see a reset and no answer."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Left
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= MAX_BODY:
                chunks.append(chunk)
            if not message.get("more_body", False):
                break
        if size > MAX_BODY:
            self.body_error = too_large(MAX_BODY)
            return
        self._decode_body(chunks)

    def _decode_body(self, chunks: Iterable[bytes]) -> None:
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            self.body = b"".join(chunks)
            return
        if encoding not in ("gzip", "x-gzip", "deflate"):
            self.body_error = unsupported_encoding(encoding)
            return
        inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, told by the header
        try:
            body = inflate.decompress(b"".join(chunks), MAX_BODY + 1)
        except zlib.error:
            self.body_error = unsupported_encoding(encoding)
            return
        if len(body) > MAX_BODY:
            self.body_error = too_large(MAX_BODY)
        elif not inflate.eof:
            self.body_error = unsupported_encoding(encoding)
        else:
            self.body = body

    async def _settle_once(self, end: End) -> None:
        if not self._settled:
            self._settled = True
            await self._settle(self, end)


def _accepts_gzip(accepted: str) -> bool:
    """True when an Accept-Encoding header names gzip and does not refuse it (RFC 9110, 12.5.3)."""
    for item in accepted.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "").rstrip(".0") != "q="
    return False
