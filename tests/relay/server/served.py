"""A listener on a free port, and a caller that writes and reads bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gemstream.config.relay.options import ServerOptions
from gemstream.relay.server.address import bind
from gemstream.relay.server.listener import Listener
from gemstream.relay.server.service import ASGIApplication

__all__ = ("GUARD", "Caller", "called", "echo", "listening")

# A guard against a hang, not a measure.
GUARD = 20


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with method, path and body, and the caller's address in a header."""
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    said = b" ".join((scope["method"].encode(), scope["raw_path"], body))
    headers = [
        (b"content-length", str(len(said)).encode()),
        (b"x-caller", scope["client"][0].encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


@asynccontextmanager
async def listening(
    app: ASGIApplication = echo, options: ServerOptions | None = None
) -> AsyncIterator[tuple[Listener, int]]:
    """Listen until the end of the block; gives the listener and its port."""
    socket = bind("127.0.0.1", 0)
    port = socket.getsockname()[1]
    listener = Listener(app, [socket], options or ServerOptions())
    await listener.start()
    try:
        yield listener, port
    finally:
        await listener.close()


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Write it, and wait until the kernel has it."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        """Return the next head, blank line included."""
        async with asyncio.timeout(GUARD):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        async with asyncio.timeout(GUARD):
            return await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        """Return everything up to the end of the connection."""
        async with asyncio.timeout(GUARD):
            return await self.reader.read()


@asynccontextmanager
async def called(port: int) -> AsyncIterator[Caller]:
    """Connect, and be gone at the end of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
