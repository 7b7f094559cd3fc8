"""One response out of the bytes of an HTTP/1.1 connection: no socket, no clock.

Promises: what is handed over is the same however the bytes were cut; of bytes behind the response
nothing is read. llhttp (by httptools) reads the head and the chunks; where the body ends is decided
by ``framing_of``, and a body without chunks is not parsed at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .http1_framing import Framing, framing_of, keeps_alive, not_http

__all__ = ("LARGEST_HEAD", "ResponseReader")

LARGEST_HEAD = 64 * 1024  # interim responses included; the same for a chunk's extension, trailers
_HEAD_END = b"\r\n\r\n"
_SWITCHING = 101
_TAIL = 6


class ResponseReader:
    """Reads the answer to a request of ``method``.

    ``status`` is 0 and ``headers`` are empty until the head is here. ``pieces``: the body's bytes
    that nobody has taken; whoever takes them clears the list. ``is_complete``: all of it is here.
    ``is_reusable``: the connection may carry another request then.
    """

    __slots__ = (
        "_events",
        "_feed_data",
        "_framing",
        "_has_excess",
        "_head_size",
        "_idle",
        "_left",
        "_may_stay",
        "_method",
        "_parser",
        "_tail",
        "headers",
        "is_complete",
        "pieces",
        "status",
    )

    def __init__(self, method: str) -> None:
        self._method = method
        self._framing: Framing | None = None
        self._left = 0  # of a body whose length is known
        self._idle = 0  # bytes since the body grew last: sizes, extensions, trailers
        self._head_size = 0
        self._tail = b""
        self._may_stay = False
        self._has_excess = False
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.pieces: list[bytes] = []
        self.is_complete = False
        self._begin_head()

    @property
    def is_reusable(self) -> bool:
        """True when the response is complete and nothing came behind it."""
        return self.is_complete and self._may_stay and not self._has_excess

    def receive_data(self, data: bytes) -> None:
        """Take in what one read brought; raises ProtocolError, after which nothing may follow."""
        if self._framing is not Framing.CHUNKED:
            self._take_unchunked(data)
            return
        pieces = self.pieces
        before = len(pieces)
        self._tail = data[-_TAIL:] if len(data) >= _TAIL else (self._tail + data)[-_TAIL:]
        reason: Exception | None = None
        try:
            self._feed_data(data)
        except Exception as error:
            reason = error
        if reason is not None or self._events.has_end:
            self._end_chunks(reason)
        elif len(pieces) != before:
            self._idle = 0
        else:
            self._count_idle(len(data))

    def receive_eof(self) -> None:
        """Note the connection's end, which completes a body that nothing else would."""
        if self._framing is Framing.CLOSE:
            self.is_complete = True

    # --- the head ----------------------------------------------------------------------------

    def _begin_head(self) -> None:
        import httptools

        self._tail = b""
        self._events = _Events(self.pieces)
        self._parser = httptools.HttpResponseParser(self._events)
        self._feed_data = self._parser.feed_data

    def _take_head(self, data: bytes) -> None:
        rest = data
        while rest and not self.status:
            rest = self._take_one_head(rest)
        if rest and self.is_complete:
            self._has_excess = True
        elif rest:
            self.receive_data(rest)

    def _take_one_head(self, data: bytes) -> bytes:
        """Take in a head or a part of it, and return what comes behind."""
        if not self._tail and data[:1] != b"H":  # llhttp would pass over empty lines, and RTSP
            raise not_http("it does not begin as HTTP")
        seen = self._tail + data
        end = seen.find(_HEAD_END)
        size = len(data) if end < 0 else end + len(_HEAD_END) - len(self._tail)
        self._tail = seen[-3:]
        self._head_size += size
        if self._head_size > LARGEST_HEAD:
            raise not_http(f"its head is longer than {LARGEST_HEAD} bytes")
        self._feed_head(data[:size])
        if self._events.has_head != (end >= 0):
            raise not_http("its head does not end as a head does")
        if end >= 0:
            self._end_head()
        return data[size:]

    def _feed_head(self, data: bytes) -> None:
        import httptools

        try:
            self._feed_data(data)
            return
        except httptools.HttpParserUpgrade:
            return  # its status says so, too
        except httptools.HttpParserError as error:
            said = str(error)
        if not (self._events.has_head and self._parser.get_status_code() == _SWITCHING):
            raise not_http(said)  # out here it has no context: the parser's error holds bytes

    def _end_head(self) -> None:
        status = self._parser.get_status_code()
        if status == _SWITCHING:
            raise not_http("it goes over to another protocol, which nobody asked for")
        if status < 100:
            raise not_http(f"its status is {status}")
        if status < 200:
            self._begin_head()
        else:
            self._begin_body(status)

    def _begin_body(self, status: int) -> None:
        from multidict import CIMultiDict

        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise not_http(f"its version is {version}")
        # As aiohttp has them: bytes that are no UTF-8 survive.
        fields = [
            (name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
            for name, value in self._events.fields
        ]
        lowered = [(name.lower(), value) for name, value in fields]
        self._framing, self._left = framing_of(self._method, status, version, lowered)
        self._may_stay = keeps_alive(version, lowered)
        self.status, self.headers = status, CIMultiDict(fields)
        self._tail = b""
        empty = self._framing is Framing.LENGTH and not self._left
        self.is_complete = empty or self._framing is Framing.NONE

    # --- the body ----------------------------------------------------------------------------

    def _take_unchunked(self, data: bytes) -> None:
        if self._framing is None:
            self._take_head(data)
            return
        if self._framing is Framing.LENGTH:
            self._has_excess = len(data) > self._left
            data = data[: self._left]
            self._left -= len(data)
            self.is_complete = not self._left
        self.pieces.append(data)

    def _end_chunks(self, reason: Exception | None) -> None:
        if not self._events.has_end:
            raise not_http(str(reason))
        self.is_complete = True
        # llhttp reads empty lines behind the end as nothing at all.
        ends = self._tail.endswith(_HEAD_END) and self._tail[-5:-4] not in (b"\r", b"\n")
        self._has_excess = not ends or reason is not None

    def _count_idle(self, size: int) -> None:
        """Bound what is no body: sizes, extensions, trailers."""
        self._idle += size
        if self._idle > LARGEST_HEAD:
            raise not_http(f"more than {LARGEST_HEAD} bytes are between two pieces of its body")


class _Events:
    """What llhttp calls; apart from the reader, so that neither keeps the other alive."""

    __slots__ = ("_has_begun", "fields", "has_end", "has_head", "on_body")

    def __init__(self, pieces: list[bytes]) -> None:
        self.on_body: Any = pieces.append
        self.fields: list[tuple[bytes, bytes]] = []
        self._has_begun = False
        self.has_head = False
        self.has_end = False

    def on_message_begin(self) -> None:
        if self._has_begun:
            raise _Excess
        self._has_begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # a trailer is no header (RFC 9110, 6.5.1)
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_message_complete(self) -> None:
        self.has_end = True


class _Excess(Exception):
    """Another message begins behind the one that was asked for: llhttp is to stop."""
