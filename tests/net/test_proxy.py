"""The way through a proxy, as the environment names it."""

from __future__ import annotations

import asyncio

import pytest

from gemstream.errors import ConfigError, ConnectFailed, GemstreamError
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.proxy import environment_proxy, origin
from gemstream.net.transport import Deadlines, HTTPRequest
from support.peers import raw_server, read_head
from support.servers import free_port


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelt in (name, name.lower()):
            monkeypatch.delenv(spelt, raising=False)


def test_an_origin_has_no_password() -> None:
    assert origin("https://me:pw@host:81/v1?a=b") == ("https", "host:81")
    assert origin("http://[::1") == ("", "")


def test_a_proxy_without_scheme_speaks_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy:3128")
    assert environment_proxy("https", "host") == "http://proxy:3128"


@pytest.mark.parametrize("value", ["socks5://me:SECRET@proxy:1", "http://", "http://[SECRET"])
def test_a_proxy_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(ConfigError, match="NO_PROXY=host") as caught:
        environment_proxy("https", "host")
    assert "SECRET" not in str(caught.value)


async def _through(proxy: str, url: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return the body of an answer that comes through ``proxy``."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    transport = AiohttpTransport()
    try:
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        return await exchange.receive()
    finally:
        await transport.aclose()


async def test_a_request_goes_through_the_proxy_with_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab")

    async with raw_server(proxy) as at:
        with_password = at.replace("//", "//me:pw@")
        assert await _through(with_password, "http://far.invalid/x", monkeypatch) == b"ab"
    assert heads[0].startswith(b"GET http://far.invalid/x HTTP/1.1")
    assert b"Proxy-Authorization: Basic bWU6cHc=" in heads[0]


@pytest.mark.parametrize(("status", "retryable"), [(407, False), (503, True)])
async def test_a_proxy_that_refuses_is_no_connection(
    monkeypatch: pytest.MonkeyPatch, status: int, retryable: bool
) -> None:
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)

    async with raw_server(proxy) as at:
        with pytest.raises(ConnectFailed, match=f"proxy.*{status}") as caught:
            await _through(at.replace("//", "//me:SECRET@"), "https://far.invalid/", monkeypatch)
    assert caught.value.retryable is retryable
    assert "SECRET" not in str(caught.value)


async def test_a_proxy_that_is_not_there_is_named_as_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(GemstreamError, match="no connection to the proxy"):
        await _through(f"http://127.0.0.1:{free_port()}", "http://far.invalid/", monkeypatch)
