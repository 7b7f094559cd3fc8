"""The connection below a WebSocket, where the server lets the emulator at it.

A server of the emulator puts the transport into the ASGI scope (``TRANSPORT``); elsewhere, as in
the client's own process, there is none, and what would be done to it is left to how ``Cut`` ends.
"""

from __future__ import annotations

import asyncio

from ..exchange import Scope

__all__ = ("TRANSPORT", "WireAccess")

TRANSPORT = "gemstream.transport"
_BINARY_FRAME = 0x82  # FIN and opcode 2 (RFC 6455, 5.2)
_SHORT, _LONG = 126, 127  # the lengths that say how many bytes of length follow
_LARGEST_SHORT = 0xFFFF


class WireAccess:
    """Writes what no WebSocket would."""

    __slots__ = ("_transport",)

    def __init__(self, scope: Scope) -> None:
        extensions = scope.get("extensions") or {}
        self._transport: asyncio.WriteTransport | None = extensions.get(TRANSPORT)

    def abort(self) -> None:
        """Break the connection off now; what was written may be lost."""
        if self._transport is not None:
            self._transport.abort()

    def write_half_frame(self, size: int) -> None:
        """Write the head of a binary frame of ``size`` bytes and the first half of them."""
        if self._transport is not None:
            self._transport.write(_head(size) + b"{" * (size // 2))


def _head(size: int) -> bytes:
    if size < _SHORT:
        return bytes((_BINARY_FRAME, size))
    if size <= _LARGEST_SHORT:
        return bytes((_BINARY_FRAME, _SHORT)) + size.to_bytes(2, "big")
    return bytes((_BINARY_FRAME, _LONG)) + size.to_bytes(8, "big")
