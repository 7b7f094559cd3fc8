"""One HTTP/1.1 connection: a request, its answer, the next request.

Promises: what one read brings wakes the reader once; a reader that does not ask holds the server
back; a connection is used again only when its answer was complete, nothing came behind it, the
request was sent whole and neither side wants to leave.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from typing import Any, Protocol

from ..errors import GemstreamError, ProtocolError
from .http1_body import HTTP1Body
from .http1_reader import ResponseReader
from .http2_errors import broken, system_said

__all__ = ("MOST_UNREAD", "ConnectionOwner", "HTTP1Connection")

MOST_UNREAD = 64 * 1024  # bytes that wait for a reader before the socket is left alone
_JOINED = 64 * 1024  # a request's body up to this size goes out in one write with its head


class ConnectionOwner(Protocol):
    """What a connection tells its pool."""

    def release(self, connection: HTTP1Connection) -> None:
        """Take back a connection that may carry another request."""

    def forget(self, connection: HTTP1Connection) -> None:
        """Let go of a connection that is lost."""


class HTTP1Connection(asyncio.Protocol):
    """Sends one request at a time; ``idle_since`` is a moment on the event loop's clock."""

    def __init__(self, owner: ConnectionOwner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._body: HTTP1Body | None = None
        self.idle_since = 0.0

    @property
    def protocol(self) -> str | None:
        """What TLS has agreed on (ALPN), None for nothing."""
        tls = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        agreed: str | None = None if tls is None else tls.selected_alpn_protocol()
        return agreed

    @property
    def is_closing(self) -> bool:
        """True when nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    @property
    def is_fresh(self) -> bool:
        """True while the server has neither closed an idle connection nor said anything on it.

        The socket itself is asked: its end may not have come to the event loop yet, and a request
        that goes out on a dead connection is lost, not sent again.
        """
        if self._transport is None or self.is_closing:
            return False
        return not _is_readable(self._transport.get_extra_info("socket").fileno())

    def send(self, method: str, head: bytes, payload: bytes) -> HTTP1Body:
        """Send a request and return its answer to come."""
        assert self._transport is not None and self._body is None, "one request at a time"
        self._reader = reader = ResponseReader(method)
        self._body = body = HTTP1Body(self, reader.pieces)
        if len(payload) <= _JOINED:
            self._transport.write(head + payload)
        else:
            self._transport.write(head)
            self._transport.write(payload)
        return body

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def abort(self) -> None:
        """Break the connection off, if there is one; what still comes of it is nobody's."""
        self._reader = self._body = None
        if self._transport is not None:
            self._transport.abort()

    def interrupt(self, error: GemstreamError) -> None:
        """End what is under way because of ``error``, and the connection."""
        if self._body is not None:
            self._fail(error)
        self.abort()

    # --- what the socket says ----------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:  # uvloop's are not asyncio's by type
        """Wait to be used."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in what one read brought."""
        reader, body = self._reader, self._body
        if reader is None or body is None:
            self.abort()  # nobody has asked, or nobody listens any more
            return
        try:
            reader.receive_data(data)
        except ProtocolError as error:
            self.interrupt(error)
            return
        if not body.status and reader.status:
            body.status, body.headers = reader.status, reader.headers
            body.wake()
        if reader.is_complete:
            self._finish(body, reader)
        elif reader.pieces:
            body.unread += len(data)
            if body.unread > MOST_UNREAD and not body.is_held:
                self._hold(body)
            if body.arrival is not None or body.watcher is not None:
                body.wake()

    def eof_received(self) -> None:
        """End the answer, as an answer or in its middle; the connection is closed next."""
        reader, body = self._reader, self._body
        if reader is None or body is None:
            self.abort()
            return
        if _is_whole(self._transport):
            reader.receive_eof()
        if reader.is_complete:
            self._finish(body, reader)
        else:
            self._fail(_cut(body, None))
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """End what is still here."""
        if self._body is not None:
            self._fail(_cut(self._body, error))
        self._owner.forget(self)

    # --- ends --------------------------------------------------------------------------------

    def _finish(self, body: HTTP1Body, reader: ResponseReader) -> None:
        self._reader = self._body = None
        if body.is_held:
            self.resume()
        body.end()
        transport = self._transport
        assert transport is not None, "something was received"
        is_sent = not transport.get_write_buffer_size()
        if reader.is_reusable and is_sent and not transport.is_closing():
            self._owner.release(self)
        else:
            transport.abort()

    def _fail(self, error: GemstreamError) -> None:
        body, self._body, self._reader = self._body, None, None
        if body is not None:
            body.fail(error)

    def _hold(self, body: HTTP1Body) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            body.is_held = True
            transport.pause_reading()


def _cut(body: HTTP1Body, error: Exception | None) -> GemstreamError:
    """Return the error for an answer whose connection ended before it did."""
    if error is not None:
        return broken(None, system_said(error))
    where = "the answer broke off before its end" if body.status else "the service closed it"
    return broken(None, where)


def _is_whole(transport: asyncio.Transport | None) -> bool:
    """Return False where TLS has not said its own end: somebody may have cut (RFC 9112, 9.8)."""
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    if tls is None:
        return True
    try:
        return not tls.read(1)
    except ssl.SSLError as error:
        return error.errno == ssl.SSL_ERROR_ZERO_RETURN


def _is_readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLPRI)
    return bool(poll.poll(0))
