"""HTTP/1.1 over real sockets: what is aiohttp's alone; the rest is in test_http1_peers."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from gemstream.errors import ProtocolError
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.transport import Deadlines, HTTPRequest
from support.peers import Handler, raw_server, read_head

_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"


def _says(data: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(data)

    return handler


async def test_a_gzip_body_is_unpacked() -> None:
    packed = gzip.compress(b"hello" * 1000)
    async with raw_server(_says(_GZIP % len(packed) + packed)) as url:
        transport = AiohttpTransport()
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        received = b""
        while data := await exchange.receive():
            received += data
        await transport.aclose()
    assert received == b"hello" * 1000


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy:1"}, "http://proxy:1"),
        ({"ALL_PROXY": "http://proxy:2"}, "http://proxy:2"),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "example.com"}, None),
        ({}, None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], proxy: str | None
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelt in (name, name.lower()):
            monkeypatch.delenv(spelt, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert AiohttpTransport()._proxy_for("https://example.com/v1") == proxy
    assert AiohttpTransport(trust_env=False)._proxy_for("https://example.com/v1") is None


async def test_a_body_that_is_not_packed_as_it_says_is_the_service_s_fault() -> None:
    async with raw_server(_says(_GZIP % 9 + b"abcdefghi")) as url:
        transport = AiohttpTransport()
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        with pytest.raises(ProtocolError, match="cannot be unpacked"):
            await exchange.receive()
        await transport.aclose()
