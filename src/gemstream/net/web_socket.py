"""The seam to WebSockets: what opens one, what one is, and how it ends.

How a connection ends is a value and not an exception: the end is the last thing that is received,
and what it means is decided above.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec

from ..errors import ProtocolError
from .transport import Deadlines, HTTPRequest

__all__ = (
    "FAREWELL",
    "PING_EVERY",
    "Close",
    "Refusal",
    "SocketTransport",
    "WebSocket",
    "oversized",
)

# Often enough for the idle limits of proxies, mostly 60 s. No pong is waited for: healthy services
# were seen to answer after 8 to 30 s.
PING_EVERY = 20.0
# How long the other end may take to answer a close; RFC 6455 §7.1.1 leaves it open.
FAREWELL = 1.0


class Close(msgspec.Struct, frozen=True):
    """How a connection ended; ``code`` is None when it broke without a close frame."""

    code: int | None = None
    reason: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """The HTTP answer to a handshake that was not let through, the beginning of its body only."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@runtime_checkable
class WebSocket(Protocol):
    """An open connection; one task may receive while others send."""

    @property
    def heard_at(self) -> float:
        """When the last ping or pong of the other end was read, on the loop's clock."""
        ...

    async def send(self, payload: bytes, *, is_text: bool) -> None:
        """Send one message, and wait while the other end takes none.

        Raises StreamInterrupted when the connection is over; ``receive`` tells how. Messages go out
        in the order of the calls. Once it waits the message is on its way: cancelling does not take
        it back.
        """
        ...

    async def receive(self) -> bytes | Close:
        """Return the payload of the next message, or how the connection ended, then always.

        The text of a text message comes as its bytes, which nobody has judged to be UTF-8. Raises
        ProtocolError for a message above ``max_message_size`` and for what is no WebSocket.
        Cancelling loses nothing. The other end's pings are answered while somebody waits here.
        """
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say farewell, wait a bounded moment for the answer, and be gone; again is harmless.

        ``reason``: at most 123 bytes. Cancelling breaks the connection off. A pending ``receive``
        returns this close.
        """
        ...

    def abort(self) -> None:
        """Break the connection off now; harmless when it is over."""
        ...


@runtime_checkable
class SocketTransport(Protocol):
    """A transport that opens WebSockets too."""

    async def open_socket(
        self,
        request: HTTPRequest,
        deadlines: Deadlines,
        *,
        max_message_size: int,
        ping_every: float = PING_EVERY,
    ) -> WebSocket | Refusal:
        """Return the connection, or the answer that refused it; redirects are refusals.

        ``request``: its URL is of ws, wss, http or https, its body is not sent. ``deadlines``:
        ``connect``, ``first_chunk`` for the answer, ``total``. ``max_message_size``: bytes of what
        is received. ``ping_every``: seconds. Raises ConnectFailed, ConnectTimeout,
        StreamInterrupted, FirstChunkTimeout, TotalTimeout, ProtocolError. Cancelling closes the
        connection.
        """
        ...


def oversized(max_message_size: int) -> ProtocolError:
    """Return the error for a message above the limit."""
    return ProtocolError(
        f"a message of more than max_message_size of {max_message_size:,} bytes came; raise it"
    )
