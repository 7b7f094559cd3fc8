"""The one seam to the network: what opens an exchange, and what an exchange is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from ..errors import InvalidRequest

__all__ = ("Deadlines", "Exchange", "HTTPRequest", "Transport", "check_has_no_stream")


# RFC 9110, 5.6.2 and 5.5; a lone surrogate has no encoding.
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NOT_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class HTTPRequest(msgspec.Struct, frozen=True):
    """What is sent; of header names that differ in case only, the last counts.

    ``stream``: a body that goes out as it comes, in the place of ``body``. It is asked for a piece
    when the socket takes one, and for no more once the service has answered. Of what it brings a
    ``content-length`` among the headers must be the sum; without one it is sent chunked. What it
    raises breaks the request off: ``open`` raises StreamInterrupted then. Transports that cannot
    send one raise InvalidRequest.

    Raises InvalidRequest for a header that HTTP cannot carry, whatever the transport.
    """

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    stream: AsyncIterable[bytes] | None = None

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            _check_header(name, value)

    def __repr__(self) -> str:
        # Values of headers are secrets, bodies are private.
        size = f"{len(self.body)} B" if self.stream is None else "a stream"
        return f"HTTPRequest({self.method} {self.url}, {', '.join(self.headers)}, {size})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("request", repr(self))]


def check_has_no_stream(request: HTTPRequest, transport: str) -> None:
    """Raise InvalidRequest for a body that comes in pieces, which ``transport`` cannot send."""
    if request.stream is not None:
        raise InvalidRequest(f"{transport} sends no body that comes in pieces; give it whole")


def _check_header(name: object, value: object) -> None:
    """Refuse what would be another header, or none; the value is never shown."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is not the name of an HTTP header")
    if not isinstance(value, str):
        raise InvalidRequest(f"the value of header {name!r} is {type(value).__name__}, not str")
    if found := _NOT_IN_VALUE.search(value):
        raise InvalidRequest(
            f"the value of header {name!r} has {found[0]!r} at {found.start()}, which a header "
            "cannot carry; a key read from a file may need .strip()"
        )


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """How long an exchange may take.

    ``connect``, ``first_chunk`` and ``idle`` are seconds, counted from the step before; ``total``
    is a moment on the event loop's clock, for it spans several exchanges; ``total_seconds`` is the
    timeout it came from, for the error. None: no limit.
    """

    connect: float | None = None
    first_chunk: float | None = None
    idle: float | None = None
    total: float | None = None
    total_seconds: float | None = None


@runtime_checkable
class Exchange(Protocol):
    """A response in motion: the head is here, the body arrives."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers, case-insensitive."""
        ...

    async def receive(self) -> bytes:
        """Return the bytes that arrived, at once; ``b""`` at the clean end of the body.

        Raises StreamInterrupted when the connection breaks, FirstChunkTimeout, IdleTimeout or
        TotalTimeout. After a cancelled ``receive`` the exchange can only be closed.
        """
        ...

    def began(self) -> None:
        """Note that the first chunk has arrived: from now on ``idle`` counts."""
        ...

    def abort(self) -> None:
        """Break the exchange off now, so that the service stops; harmless when it has ended.

        May be called from another task of the same loop than the reader's; a pending ``receive``
        then raises StreamInterrupted.
        """
        ...

    async def aclose(self) -> None:
        """End the exchange as ``abort`` does and wait, for a bounded moment, until it is gone."""
        ...


@runtime_checkable
class Transport(Protocol):
    """What opens exchanges."""

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> Exchange:
        """Send ``request`` and return once the response's head is here.

        Raises ConnectFailed, ConnectTimeout (nothing was sent), StreamInterrupted,
        FirstChunkTimeout, TotalTimeout. Cancelling closes the connection.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection; the transport cannot be used again."""
        ...
