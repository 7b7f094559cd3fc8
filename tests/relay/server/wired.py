"""A connection of the relay's server over a wire in memory, for clocks that never really wait."""

from __future__ import annotations

import asyncio
from typing import Any

from gemstream.config.relay.options import ServerOptions
from gemstream.relay.server.callers import Callers
from gemstream.relay.server.extra import uvicorn
from gemstream.relay.server.guard import GuardedProtocol
from gemstream.relay.server.settings import Settings
from relay.server.served import echo

__all__ = ("Wire", "connected")


class Wire(asyncio.Transport):
    """The socket's side of a connection, in memory."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.sent = b""
        self.closed = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def close(self) -> None:
        self.closed.set()

    abort = close

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def connected(app: Any = echo, wire: Wire | None = None) -> tuple[GuardedProtocol, Wire]:
    """Return a connection that was just made, and its wire."""
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, interface="asgi3", timeout_keep_alive=75
    )
    protocol = GuardedProtocol(
        Settings(ServerOptions()),
        Callers(),
        config=config,
        server_state=uvicorn.server.ServerState(),
        app_state={},
    )
    wire = wire or Wire()
    protocol.connection_made(wire)
    return protocol, wire
