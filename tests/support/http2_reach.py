"""An HTTP/2 transport with a server at its other end, over a loopback socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from gemstream.net.http2_transport import HTTP2Transport
from gemstream.net.transport import Deadlines, Exchange, HTTPRequest
from support.http2_server import Peer, http2_server
from support.peers import App, Receive, Send

__all__ = ("HTTP2Reach", "reached", "read")


class HTTP2Reach:
    """A transport at work, the URL it asks, and the other ends of its connections."""

    def __init__(self, transport: HTTP2Transport, url: str, peers: list[Peer]) -> None:
        self.transport = transport
        self.url = url
        self.peers = peers
        self.arrived = asyncio.Semaphore(0)  # one for each request

    async def open(self, query: str = "", body: bytes = b"{}", **deadlines: float) -> Exchange:
        """Ask for ``query``."""
        return await self.transport.open(
            HTTPRequest("POST", f"{self.url}/{query}", {"x-goog-api-key": "SECRET"}, body),
            Deadlines(**deadlines),
        )


@contextlib.asynccontextmanager
async def reached(app: App, **options: Any) -> AsyncIterator[HTTP2Reach]:
    """Serve ``app`` over HTTP/2 in the clear, and reach it."""

    async def counted(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        reach.arrived.release()
        await app(scope, receive, send)

    peers: list[Peer] = []
    transport = HTTP2Transport(prior_knowledge=True)
    async with http2_server(counted, peers=peers, **options) as url:
        reach = HTTP2Reach(transport, url, peers)
        try:
            yield reach
        finally:
            await transport.aclose()


async def read(exchange: Exchange) -> bytes:
    """Return what is left of a body."""
    whole = b""
    while data := await exchange.receive():
        whole += data
    return whole
