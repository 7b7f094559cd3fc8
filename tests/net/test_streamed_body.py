"""A request's body that goes out as it comes: whole, held back, broken off, not wanted any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gemstream.errors import InvalidRequest, StreamInterrupted
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.asgi import ASGITransport
from gemstream.net.http1_transport import HTTP1Transport
from gemstream.net.http2_transport import HTTP2Transport
from gemstream.net.recording import RecordingTransport
from gemstream.net.transport import Deadlines, HTTPRequest, Transport
from support.peers import App, Receive, Send, asgi_server, respond

_PIECE = b"x" * 65536


@contextlib.asynccontextmanager
async def _socket(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = AiohttpTransport()
    async with asgi_server(app) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _protocol(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = HTTP1Transport()
    async with asgi_server(app) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _process(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = ASGITransport(app)  # type: ignore[arg-type]
    try:
        yield transport, "http://app"
    finally:
        await transport.aclose()


_WAYS = pytest.mark.parametrize("way", [_socket, _protocol, _process])


class _Body:
    """Pieces that are counted as they are asked for; ``fails_at``: which of them raises."""

    def __init__(self, *pieces: bytes, fails_at: int | None = None) -> None:
        self._pieces = pieces
        self._fails_at = fails_at
        self.asked = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, piece in enumerate(self._pieces):
            if number == self._fails_at:
                raise LookupError("the source is gone")
            self.asked += 1
            yield piece


async def _echo(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    names = {name: value for name, value in scope["headers"]}
    framing = names.get(b"content-length") or names.get(b"transfer-encoding") or b""
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    await respond(send, body + message.get("body", b""), headers={"x-framing": framing.decode()})


async def _deaf(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await receive()
    await respond(send, b"no", status=400)


@_WAYS
@pytest.mark.parametrize(("headers", "framing"), [({}, "chunked"), ({"content-length": "6"}, "6")])
async def test_it_arrives_whole(way: Any, headers: dict[str, str], framing: str) -> None:
    async with way(_echo) as (transport, url):
        request = HTTPRequest("POST", url, headers, stream=_Body(b"abc", b"", b"def"))
        exchange = await transport.open(request, Deadlines())
        received = b""
        while data := await exchange.receive():
            received += data
        assert (received, exchange.headers["x-framing"]) == (b"abcdef", framing)
        await exchange.aclose()


@_WAYS
async def test_nothing_is_asked_for_that_the_service_does_not_take(way: Any) -> None:
    """64 MiB wait; sockets and buffers between the two take a few of them at most."""
    is_open = asyncio.Event()

    async def slow(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await is_open.wait()
        await _deaf(scope, receive, send)

    body = _Body(*[_PIECE] * 1024)
    async with way(slow) as (transport, url):
        opening = asyncio.ensure_future(
            transport.open(HTTPRequest("POST", url, stream=body), Deadlines())
        )
        before = -1
        while before != body.asked:
            before = body.asked
            for _ in range(200):
                await asyncio.sleep(0)
        assert before < 256
        is_open.set()
        exchange = await opening
        assert exchange.status == 400
        await exchange.aclose()
        assert body.asked < 1024


@_WAYS
async def test_what_it_raises_breaks_the_request_off(way: Any) -> None:
    async with way(_echo) as (transport, url):
        body = _Body(b"abc", b"def", fails_at=1)
        with pytest.raises(StreamInterrupted):
            await transport.open(HTTPRequest("POST", url, stream=body), Deadlines())


@pytest.mark.parametrize(
    "make",
    [HTTP2Transport, lambda: RecordingTransport(ASGITransport(_echo), print)],  # type: ignore[arg-type]
)
async def test_who_cannot_send_one_says_so(make: Any) -> None:
    transport = make()
    with pytest.raises(InvalidRequest, match="in pieces"):
        await transport.open(HTTPRequest("POST", "http://app", stream=_Body()), Deadlines())
    await transport.aclose()
