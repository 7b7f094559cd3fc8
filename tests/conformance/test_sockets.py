"""Transports that open WebSockets pass one suite: aiohttp over real sockets, and in process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from conformance.sockets import SOCKET_CHECKS, SocketCheck, SocketReach
from conformance.transport import PATIENT
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.asgi import ASGITransport
from gemstream.net.web_socket import SocketTransport
from support.peers import App, asgi_server, left_behind


@contextlib.asynccontextmanager
async def _over_a_socket(app: App) -> AsyncIterator[tuple[SocketTransport, str]]:
    transport = AiohttpTransport()
    async with asgi_server(app) as url:
        try:
            yield transport, url
        finally:
            await transport.aclose()


@contextlib.asynccontextmanager
async def _in_process(app: App) -> AsyncIterator[tuple[SocketTransport, str]]:
    transport = ASGITransport(app)  # type: ignore[arg-type]  # dict and MutableMapping
    try:
        yield transport, "http://in-process"
    finally:
        await transport.aclose()


REACHES: dict[str, SocketReach] = {"aiohttp": _over_a_socket, "asgi": _in_process}


@pytest.mark.parametrize("check", SOCKET_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("reach", REACHES.values(), ids=REACHES.keys())
async def test_a_transport_keeps_that(reach: SocketReach, check: SocketCheck) -> None:
    before = asyncio.all_tasks()
    async with asyncio.timeout(PATIENT):
        await check(reach)
        while left := left_behind(before):
            await asyncio.wait(left)


@pytest.mark.parametrize("transport", [AiohttpTransport(), ASGITransport(None)])  # type: ignore[arg-type]
def test_a_transport_has_the_shape_of_the_seam(transport: SocketTransport) -> None:
    assert isinstance(transport, SocketTransport)
