"""All transports pass one suite: aiohttp and HTTP/2 over real sockets, and the in-process one."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator

import pytest

from conformance.transport import CHECKS, PATIENT, Check, Reach, read
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.asgi import ASGITransport
from gemstream.net.http1_transport import HTTP1Transport
from gemstream.net.http2_transport import HTTP2Transport
from gemstream.net.transport import Deadlines, Exchange, HTTPRequest, Transport
from support.http2_server import Authority, http2_server
from support.peers import App, asgi_server, left_behind, raw_server, read_head


@contextlib.asynccontextmanager
async def _over_a_socket(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = AiohttpTransport()
    async with asgi_server(app) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _over_http1(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = HTTP1Transport()
    async with asgi_server(app) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _over_http2(app: App) -> AsyncIterator[tuple[Transport, str]]:
    """Negotiated by ALPN, as with the service."""
    authority = Authority()
    with tempfile.NamedTemporaryFile() as file:
        authority.write(file.name)
        transport = HTTP2Transport(ca_file=file.name)
    async with http2_server(app, tls=authority.context("h2", "http/1.1")) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _over_plain_http2(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = HTTP2Transport(prior_knowledge=True)
    async with http2_server(app) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _over_the_fallback(app: App) -> AsyncIterator[tuple[Transport, str]]:
    """HTTP/1.1, where HTTP/2 is not spoken."""
    transport = HTTP2Transport()
    async with asgi_server(app) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _in_process(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = ASGITransport(app)  # type: ignore[arg-type]  # dict and MutableMapping
    try:
        yield transport, "http://in-process"
    finally:
        await transport.aclose()


REACHES: dict[str, Reach] = {
    "aiohttp": _over_a_socket,
    "http1": _over_http1,
    "http2": _over_http2,
    "http2-plain": _over_plain_http2,
    "http2-fallback": _over_the_fallback,
    "asgi": _in_process,
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("reach", REACHES.values(), ids=REACHES.keys())
async def test_a_transport_keeps_that(reach: Reach, check: Check) -> None:
    before = asyncio.all_tasks()
    async with asyncio.timeout(PATIENT):
        await check(reach)
        while left := left_behind(before):  # the farewell of an aborted exchange is bounded
            await asyncio.wait(left)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_relays_leg_keeps_that_on_the_relays_loop(check: Check) -> None:
    """Its transports and callbacks are uvloop's there, and not asyncio's."""
    uvloop = pytest.importorskip("uvloop")

    async def scene() -> None:
        async with asyncio.timeout(PATIENT):
            await check(_over_http1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


_TRANSPORTS = [AiohttpTransport(), HTTP1Transport(), HTTP2Transport(), ASGITransport(None)]  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", _TRANSPORTS)
def test_a_transport_has_the_shape_of_the_seam(transport: Transport) -> None:
    assert isinstance(transport, Transport)


async def test_an_exchange_has_the_shape_of_the_seam() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    transport = AiohttpTransport()
    async with raw_server(answer) as url:
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        assert isinstance(exchange, Exchange)
        assert await read(exchange) == b""
        await transport.aclose()
