"""What a connection of ours refuses that uvicorn and llhttp let through.

llhttp in its strict mode refuses duplicate and bad Content-Length, Content-Length beside
Transfer-Encoding, bare LF and CR, folded headers, space before a colon, control characters and bad
chunk sizes; the tests hold that. Here are the sizes, the times, and the rest.

Strategy: the head is cut off at its blank line and fed by itself, so its size is exact, and what
follows is body by the framing that the head declares. Nothing is kept but counts.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from typing import Any, NoReturn

from ..direct import EXTENSION
from .callers import Callers
from .direct_write import DirectWrite
from .extra import HttpToolsProtocol, httptools
from .refusal import Refusal
from .settings import Settings
from .standstill import Standstill
from .until_close import answer_until_close

__all__ = ("GuardedProtocol",)

_BLANK_LINE = b"\r\n\r\n"
# A body must bring so many bytes in each such time: 1 KiB a second.
_RATE_SECONDS = 10.0
_RATE_BYTES = 10 * 1024
# Bytes of a whole body that may be neither content nor the plainest framing around it.
_MOST_EXTENSIONS = 256
# A size of eight digits with its line end, and the line end of the data: a chunk of 4 GiB.
_PER_CHUNK = 12
# A refused caller who still sends is read on for a moment, else the reset that a close with unread
# bytes causes would overtake the answer (RFC 9112 §9.6).
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 1 << 20


class _Phase(enum.Enum):
    HEAD = "head"
    BODY = "body"
    OVER = "over"


_LOOKED_AT = frozenset((b"transfer-encoding", b"content-length", b"content-encoding", b"expect"))


class GuardedProtocol(HttpToolsProtocol):
    """One connection of a caller; ``settings`` are read anew for each request."""

    def __init__(self, settings: Settings, callers: Callers, **given: Any) -> None:
        super().__init__(**given)
        self._settings = settings
        self._callers = callers
        self._phase = _Phase.HEAD
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: Refusal | None = None  # of what a callback of the parser met
        self._head = 0  # bytes of the head so far
        self._tail = b""  # the last of them, in which its blank line may begin
        self._left: int | None = 0  # bytes of the body to come; None: it is chunked
        self._received = 0  # bytes of the body, framing included
        self._decoded = 0
        self._chunks = 0
        self._judged = 0  # what had come when the rate was last looked at
        self._was_paused = False

    # --- asyncio calls these ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._standstill = Standstill(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        self._disarm()
        self._standstill.unwatch()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait until the caller has taken some of what is written."""
        super().pause_writing()
        self._standstill.watch()

    def resume_writing(self) -> None:
        """Write on; behind the end of an answer the rest of it is still to be taken."""
        super().resume_writing()
        if self._is_answering():
            self._standstill.unwatch()
        else:
            self._standstill.watch()

    def data_received(self, data: bytes) -> None:
        """Take what arrived, request by request."""
        self._unset_keepalive_if_required()
        if self._is_over():
            self._discard(data)
            return
        try:
            while data:
                data = self._taken(data)
            if self._phase is _Phase.BODY and self._timer is None:
                self._arm(_RATE_SECONDS, self._judge_rate)
        except httptools.HttpParserUpgrade:
            self._refuse(Refusal.UPGRADE)
        except httptools.HttpParserError:
            self._refuse(self._refusal or Refusal.MALFORMED)

    # --- the parser calls these ---

    def on_message_begin(self) -> None:
        """Refuse a request that begins where the last one's body was read."""
        if self._left is None:
            self._raise(Refusal.PIPELINED)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Check the head as a whole, and hand the request over."""
        self._disarm()
        if (refusal := self._judge_head()) is not None:
            self._raise(refusal)
        self._phase = _Phase.BODY
        if not self.flow.write_paused:
            self._standstill.unwatch()
        self._received = self._decoded = self._chunks = self._judged = 0
        self._was_paused = False
        self.scope["client"] = self._callers.caller(self.client, self.headers)
        extensions: dict[str, Any] = {}
        self.scope["extensions"] = extensions
        super().on_headers_complete()
        if self.cycle is not None:
            extensions[EXTENSION] = DirectWrite(self.cycle)
        self.headers = []  # trailers would go into those that the application reads
        if self.parser.get_http_version() == "1.0":
            answer_until_close(self.cycle)
        if self._settings.is_draining:
            self.cycle.keep_alive = False

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._decoded += len(body)
        super().on_body(body)
        self._was_paused = self._was_paused or self.flow.read_paused

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        if self.headers:
            self._raise(Refusal.TRAILERS)
        super().on_message_complete()
        self._disarm()
        self._phase = _Phase.HEAD
        self._head = 0
        self._tail = b""

    def on_response_complete(self) -> None:
        """End a connection whose caller was answered before the body was there."""
        super().on_response_complete()
        self._standstill.watch()
        if self._phase is _Phase.BODY and not self.transport.is_closing():
            self._linger()

    # --- head and body ---

    def _taken(self, data: bytes) -> bytes:
        """Feed what belongs together and return the rest, nothing after a refusal."""
        if self._phase is _Phase.HEAD:
            return self._take_head(data)
        return b"" if self._is_over() else self._take_body(data)

    def _take_head(self, data: bytes) -> bytes:
        """Feed the head's part of ``data`` and return the rest."""
        if not self._head:
            data = data.lstrip(b"\r\n")  # RFC 9112 §2.2: empty lines before a request
            if not data:
                self._await_head()
                return b""
        searched = self._tail + data
        end = searched.find(_BLANK_LINE)
        size = len(data) if end < 0 else end + len(_BLANK_LINE) - len(self._tail)
        self._head += size
        self._left = 0
        self.parser.feed_data(data[:size])
        if end < 0:
            self._tail = searched[-3:]
            if (refusal := self._judge_size()) is None:
                self._await_head()
            else:
                self._refuse(refusal)
        return data[size:]

    def _take_body(self, data: bytes) -> bytes:
        """Feed the body's part of ``data`` and return the rest."""
        if self._left is not None:
            part = data[: self._left]
            self._left -= len(part)
            self._received += len(part)
            self.parser.feed_data(part)
            return data[len(part) :]
        self._received += len(data)
        self.parser.feed_data(data)
        framing = self._received - self._decoded
        if framing > _MOST_EXTENSIONS + _PER_CHUNK * (self._chunks + 1):
            self._refuse(Refusal.CHUNK_EXTENSIONS)
        return b""

    def _judge_head(self) -> Refusal | None:
        """Return what is wrong with a head that llhttp lets through; settle the framing."""
        if (refusal := self._judge_size()) is not None:
            return refusal
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return Refusal.VERSION
        if b"#" in self.url:
            return Refusal.FRAGMENT
        hosts = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif (name in _LOOKED_AT or b"_" in name) and (
                refusal := self._judge_header(name, value)
            ):
                return refusal
        if self._left is None and version == "1.0":
            return Refusal.CHUNKED_1_0  # RFC 9112 §6.1
        if self.parser.should_upgrade():
            return Refusal.UPGRADE  # llhttp would not read its body
        return Refusal.NO_HOST if hosts != 1 and version == "1.1" else None

    def _judge_size(self) -> Refusal | None:
        options = self._settings.options
        if len(self.url) > options.max_url:
            return Refusal.LONG_URL
        if self._head > options.max_header_bytes or len(self.headers) > options.max_headers:
            return Refusal.LARGE_HEAD
        return None

    def _judge_header(self, name: bytes, value: bytes) -> Refusal | None:
        if name == b"content-length":
            self._left = int(value)
        elif name == b"transfer-encoding":
            self._left = None
            return None if value.lower() == b"chunked" else Refusal.CODING
        elif name == b"content-encoding":
            # A small body that unpacks to a large one is not unpacked at all.
            return None if value.lower() == b"identity" else Refusal.PACKED
        elif name == b"expect":
            return None if value.lower() == b"100-continue" else Refusal.EXPECTATION
        elif self._has_twin(name):
            return Refusal.UNDERSCORE
        return None

    def _has_twin(self, name: bytes) -> bool:
        plain = name.replace(b"_", b"-")
        others = [other for other, _ in self.headers if other.replace(b"_", b"-") == plain]
        return len(others) > 1

    # --- times ---

    def _await_head(self) -> None:
        if self._timer is None:
            self._arm(self._settings.options.header_timeout, self._head_is_late)

    def _head_is_late(self) -> None:
        self._timer = None
        if self._is_answering():
            self._await_head()  # the next request may take its time while this one is answered
        elif self._head:
            self._refuse(Refusal.LATE_HEAD)
        else:
            self.transport.close()  # nothing was asked

    def _judge_rate(self) -> None:
        self._timer = None
        is_enough = self._received - self._judged >= _RATE_BYTES
        if not is_enough and not self._was_paused:
            self._refuse(Refusal.SLOW_BODY)
            return
        self._judged = self._received
        self._was_paused = self.flow.read_paused
        self._arm(_RATE_SECONDS, self._judge_rate)

    def _arm(self, seconds: float, late: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the end ---

    def _raise(self, refusal: Refusal) -> NoReturn:
        """Leave the parser, which makes an error of its own of whatever is raised."""
        self._refusal = refusal
        raise ValueError(refusal.name)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with ``refusal`` and end the connection; an answer that runs is broken off."""
        if self._phase is _Phase.OVER or self.transport.is_closing():
            return
        cycle = self.cycle
        if self._is_answering():
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self._phase = _Phase.OVER
                self._disarm()
                self.transport.abort()
                return
        self.pipeline.clear()
        self.transport.write(refusal.answer)
        self._linger()

    def _is_over(self) -> bool:
        return self._phase is _Phase.OVER

    def _is_answering(self) -> bool:
        """Whether the application is at work for this connection; at first there is no cycle."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _linger(self) -> None:
        """Say that nothing more comes, and close once the caller has understood."""
        self._phase = _Phase.OVER
        self._unset_keepalive_if_required()
        self._received = 0
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._arm(_LINGER_SECONDS, self.transport.close)

    def _discard(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > _LINGER_BYTES:
            self.transport.abort()
