"""The least that relays: uvicorn in front, aiohttp behind, each read sent on as it comes.

No keys, no limits, no books, no errors of its own: the floor, and the distance to it is what a
relay costs.

usage: python -m benchmarks.programs.relay_bare UPSTREAM_PORT PORT FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import uvicorn

from .process import become_relay

__all__ = ("PassThrough", "main")

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_HOP_BY_HOP = (b"connection", b"content-length", b"host", b"transfer-encoding")


class PassThrough:
    """An ASGI application that has no idea of what it carries."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Carry one request up and its answer down."""
        if self._session is None:  # an event loop is needed
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout()
            )
        url = f"{self._upstream}{scope['path']}?{scope['query_string'].decode()}"
        headers = {
            name.decode(): value.decode()
            for name, value in scope["headers"]
            if name not in _HOP_BY_HOP
        }
        async with self._session.post(url, data=await _body(receive), headers=headers) as answer:
            kept = [
                (name.lower(), value)
                for name, value in answer.raw_headers
                if name.lower() not in _HOP_BY_HOP
            ]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            while data := await answer.content.readany():
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def main() -> None:
    """Serve until ended."""
    upstream, port, _ = sys.argv[1:]
    become_relay()
    uvicorn.run(
        PassThrough(f"http://127.0.0.1:{upstream}"),
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        backlog=4096,
        lifespan="off",
        log_level="error",
        access_log=False,
    )


if __name__ == "__main__":
    main()
