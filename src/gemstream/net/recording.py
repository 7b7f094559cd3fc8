"""A transport that records what passes through it.

Promises: requests and bytes pass unchanged and at once; each exchange is written once, when it
ends, also when it breaks or its reader leaves; credentials are never stored. An exchange without an
answer leaves no recording: there is nothing that could be replayed.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from ..errors import ConfigError, GemstreamError, StreamTimeout
from .recording_file import Read, Recording, RecordingEnd, RecordingFile, decode, encode, load
from .redaction import Redaction
from .transport import Deadlines, Exchange, HTTPRequest, Transport, check_has_no_stream

__all__ = (
    "KEPT_HEADERS",
    "KEPT_PARAMETERS",
    "MAX_RECORDED",
    "Read",
    "Recording",
    "RecordingEnd",
    "RecordingTransport",
    "decode",
    "encode",
    "load",
)

# What may be stored. Not a list of what may not: the next credential has a name nobody knows yet.
# Length, encoding and connection are not here, for the reads are what they arrived as.
KEPT_HEADERS = frozenset(
    {
        "accept",
        "accept-language",
        "alt-svc",
        "cache-control",
        "content-disposition",
        "content-language",
        "content-type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "retry-after",
        "server",
        "server-timing",
        "user-agent",
        "vary",
        "x-content-type-options",
        "x-frame-options",
        "x-request-id",
        "x-server-timeout",
        "x-xss-protection",
    }
)
KEPT_PARAMETERS = frozenset({"alt", "fields", "pagesize", "pagetoken", "prettyprint"})
# An answer is held in memory until it ends; beyond this its recording breaks off.
MAX_RECORDED = 256 * 1024 * 1024

# Whose values are also looked for in what is stored: a service may repeat what it was sent.
_IS_SECRET = re.compile(r"auth|cookie|key|password|secret|token", re.IGNORECASE)
_SHORTEST_SECRET = 8  # a shorter one is no secret, and would be found in every text
_log = logging.getLogger("gemstream.net")

Sink = Callable[[Recording], None]


class RecordingTransport:
    """Passes everything to ``transport`` and hands each exchange's recording to ``to``.

    ``to``: a file, which recordings are added to, or a function that takes one (called in another
    thread). ``redact``: paths of JSON whose values are replaced in request and answer, see
    ``Redaction``. ``max_size``: bytes of an answer that are kept; the recording of a larger one
    breaks off there, which the log tells. The clean end of an answer is told when its recording is
    written; a recording that cannot be written is told in the log, for the answer is not worse for
    it. Closes ``transport`` with itself. Raises ConfigError for a file that cannot be written or a
    path that is none.
    """

    def __init__(
        self,
        transport: Transport,
        to: Path | str | Sink,
        *,
        redact: Sequence[str] = (),
        max_size: int = MAX_RECORDED,
    ) -> None:
        self._max_size = max_size
        self._transport = transport
        self._redaction = Redaction(redact)
        self._sink = RecordingFile(Path(to)).add if isinstance(to, Path | str) else to
        self._open: set[_RecordingExchange] = set()

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> Exchange:
        """Send ``request`` and return its exchange; see ``Transport.open``."""
        check_has_no_stream(request, "RecordingTransport")
        tape = _Tape(request, self._max_size)
        exchange = await self._transport.open(request, deadlines)
        recording = _RecordingExchange(exchange, tape, self._store, self._open.discard)
        self._open.add(recording)
        return recording

    async def aclose(self) -> None:
        """Close the transport; the recordings of exchanges still open end here."""
        try:
            await self._transport.aclose()
        finally:
            for exchange in tuple(self._open):
                exchange.note_left()

    def _store(self, recording: Recording, secrets: Sequence[bytes]) -> None:
        try:
            self._sink(_redacted(_without(secrets, recording), self._redaction))
        except ConfigError as error:
            _log.error("%s; the recording of %s is lost", error, recording.path)


class _Tape:
    """What was seen of one exchange so far."""

    __slots__ = (
        "_began",
        "_head_at",
        "_reads",
        "_request",
        "_size",
        "_time",
        "is_over",
        "max_size",
    )

    def __init__(self, request: HTTPRequest, max_size: int) -> None:
        self.max_size = max_size
        self._time = asyncio.get_running_loop().time
        self._request = request
        self._began = self._time()
        self._head_at = 0
        self._reads: list[Read] = []
        self._size = 0
        self.is_over = False

    def note_head(self) -> None:
        self._head_at = self._now()

    def note_read(self, data: bytes) -> bool:
        """Keep ``data``; False when that is too much."""
        self._size += len(data)
        if self._size > self.max_size:
            return False
        self._reads.append(Read(self._now(), data))
        return True

    def recording(self, exchange: Exchange, end: RecordingEnd) -> Recording:
        return Recording(
            method=self._request.method,
            path=_kept_path(self._request.url),
            request_headers=_kept_headers(self._request.headers),
            request_body=self._request.body,
            status=exchange.status,
            headers=_kept_headers(exchange.headers),
            reads=self._reads,
            end=end,
            at_ms=self._head_at,
            end_ms=self._now(),
        )

    def secrets(self) -> list[bytes]:
        query = parse_qsl(urlsplit(self._request.url).query)
        named = [*self._request.headers.items(), *query]
        kept = KEPT_HEADERS | KEPT_PARAMETERS
        values = [v for name, v in named if _IS_SECRET.search(name) and name.lower() not in kept]
        words = [word for value in values for word in value.split()]
        return [
            word.encode("utf-8", "surrogateescape")
            for word in words
            if len(word) >= _SHORTEST_SECRET
        ]

    def _now(self) -> int:
        return round((self._time() - self._began) * 1000)


class _RecordingExchange:
    """An exchange whose reads are noted on their way."""

    __slots__ = ("_exchange", "_forget", "_store", "_tape")

    def __init__(
        self,
        exchange: Exchange,
        tape: _Tape,
        store: Callable[[Recording, Sequence[bytes]], None],
        forget: Callable[[_RecordingExchange], None],
    ) -> None:
        self._exchange = exchange
        self._tape = tape
        self._store = store
        self._forget = forget
        tape.note_head()

    @property
    def status(self) -> int:
        return self._exchange.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._exchange.headers

    async def receive(self) -> bytes:
        try:
            data = await self._exchange.receive()
        except StreamTimeout:  # our patience ended, not the answer
            await self._end(RecordingEnd.ABORTED)
            raise
        except GemstreamError:
            await self._end(RecordingEnd.BROKEN)
            raise
        if not data:
            await self._end(RecordingEnd.CLEAN)
        elif not self._tape.is_over and not self._tape.note_read(data):
            _log.warning(
                "an answer is larger than %d bytes; its recording breaks off there",
                self._tape.max_size,
            )
            await self._end(RecordingEnd.ABORTED)
        return data

    def began(self) -> None:
        self._exchange.began()

    def abort(self) -> None:
        self._exchange.abort()
        self.note_left()

    async def aclose(self) -> None:
        try:
            await self._exchange.aclose()
        finally:
            self.note_left()

    def note_left(self) -> None:
        """Write the recording of an answer that its reader has left; at once, without a thread."""
        if recording := self._finished(RecordingEnd.ABORTED):
            self._store(recording, self._tape.secrets())

    async def _end(self, end: RecordingEnd) -> None:
        if recording := self._finished(end):
            # In a thread: a large answer takes a while to write, and others must not feel it.
            await asyncio.to_thread(self._store, recording, self._tape.secrets())

    def _finished(self, end: RecordingEnd) -> Recording | None:
        """Return the recording, once."""
        if self._tape.is_over:
            return None
        self._tape.is_over = True
        self._forget(self)
        return self._tape.recording(self._exchange, end)


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.lower(): _text(value)
        for name, value in headers.items()
        if name.lower() in KEPT_HEADERS
    }


def _kept_path(url: str) -> str:
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0].lower() in KEPT_PARAMETERS]
    return _text(parts.path or "/") + (f"?{urlencode(query)}" if query else "")


def _text(value: str) -> str:
    """Return ``value`` with a sign for each byte that was no UTF-8: JSON cannot say it."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _without(secrets: Sequence[bytes], recording: Recording) -> Recording:
    """Return ``recording`` with stars for each of ``secrets``, also one cut by the reads."""
    body = _starred(recording.body, secrets)
    ends = list(accumulate(len(read.data) for read in recording.reads))
    reads = [
        Read(read.at_ms, body[start:end])
        for read, start, end in zip(recording.reads, [0, *ends], ends, strict=False)
    ]
    return msgspec.structs.replace(
        recording,
        path=_starred(recording.path.encode(), secrets).decode("utf-8", "replace"),
        request_body=_starred(recording.request_body, secrets),
        reads=reads,
    )


def _starred(data: bytes, secrets: Sequence[bytes]) -> bytes:
    """Return ``data`` with as many stars as a secret had bytes, so that every place stays."""
    for secret in secrets:
        data = data.replace(secret, b"*" * len(secret))
    return data


def _redacted(recording: Recording, redaction: Redaction) -> Recording:
    return msgspec.structs.replace(
        recording,
        request_body=redaction.body(recording.request_body),
        reads=redaction.reads(recording.reads),
    )
