"""One request and its response on an HTTP/2 connection, between the connection and its reader.

Promises: what arrived is read first, then how it ended; the window is opened again by what was
read, so a reader that does not ask holds the server back. One reader at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from ..errors import GemstreamError, StreamInterrupted

__all__ = ("STREAM_WINDOW", "HTTP2Stream", "NotBegun", "StreamOwner")

# What a server may send before it is read: half a second at 1 MB/s, far more than a chunk of text.
STREAM_WINDOW = 512 * 1024
_READ_BEFORE_MORE = STREAM_WINDOW // 2  # one WINDOW_UPDATE for many reads


class NotBegun(Exception):
    """The server certifies that it has not begun the request (RFC 9113, 8.7); ours to catch."""


class StreamOwner(Protocol):
    """What a stream asks of its connection."""

    def open_window(self, number: int, size: int) -> None:
        """Let the server send ``size`` bytes more on a stream."""

    def leave(self, number: int) -> None:
        """Reset a stream that has not ended, and give its place away."""


class HTTP2Stream:
    """What has arrived and is not read, and how it ended.

    ``status`` is 0 until the head is here; ``has_ended``: all of the response is. ``unsent``: what
    is left of the request's body.
    """

    __slots__ = (
        "_arrival",
        "_failure",
        "_owner",
        "_pieces",
        "_read",
        "_unread",
        "has_ended",
        "headers",
        "number",
        "status",
        "unsent",
    )

    def __init__(self, owner: StreamOwner, number: int, body: bytes) -> None:
        self._owner = owner
        self._arrival: asyncio.Future[None] | None = None  # what the reader waits for
        self._failure: Exception | None = None
        self._pieces: list[bytes] = []
        self._unread = 0  # bytes of the window, padding included
        self._read = 0  # since the window was opened last
        self.number = number
        self.unsent = memoryview(body)
        self.has_ended = False
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def head(self) -> None:
        """Wait for status and headers; raises what ended the stream instead, NotBegun too."""
        while not self.status:
            if self._failure is not None:
                raise self._failure
            await self._wait()

    @property
    def is_waiting(self) -> bool:
        """True while there is nothing to read, neither bytes nor an end."""
        return not (self._pieces or self.has_ended or self._failure)

    async def read(self) -> bytes:
        """Return what has arrived, waiting for the first of it; ``b""`` at the end."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self.has_ended:
                return b""
            await self._wait()
        pieces, self._pieces = self._pieces, []
        self._read += self._unread
        self._unread = 0
        if self._read >= _READ_BEFORE_MORE and self.is_waiting:
            self._owner.open_window(self.number, self._read)
            self._read = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def abort(self, error: GemstreamError | None = None) -> None:
        """End the stream from this side; a pending read, and later ones, raise ``error``.

        Harmless when all of it was read.
        """
        if self.has_ended and not self._pieces:
            return
        self._pieces.clear()
        if self._failure is None:
            self._failure = error or StreamInterrupted("the exchange was closed")
        self._owner.leave(self.number)
        self._wake()

    def receive_head(self, status: int, headers: Mapping[str, str]) -> None:
        """Take in the head of the response."""
        self.status, self.headers = status, headers
        self._wake()

    def receive_data(self, piece: bytes, size: int) -> None:
        """Take in a piece of the body that took ``size`` bytes of the window."""
        self._unread += size
        if piece:  # an empty one is not the end
            self._pieces.append(piece)
            self._wake()

    def receive_end(self) -> None:
        """Note that the response is all here."""
        self.has_ended = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Note that no more will come; what is here can still be read."""
        if self._failure is None and not self.has_ended:
            self._failure = error
        self._wake()

    async def _wait(self) -> None:
        self._arrival = asyncio.get_running_loop().create_future()
        try:
            await self._arrival
        finally:
            self._arrival = None

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
