"""HTTP/2 over real sockets: who is reached and how, and who is not."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gemstream import AsyncClient
from gemstream.emulator import Emulator, Rule, Script, serving
from gemstream.errors import (
    ConfigError,
    ConnectFailed,
    ConnectTimeout,
    GemstreamError,
    InvalidRequest,
    ProtocolError,
    StreamInterrupted,
)
from gemstream.net.http2_transport import HTTP2Transport
from gemstream.net.transport import Deadlines, HTTPRequest
from support.http2_reach import reached, read
from support.http2_server import Authority, http2_server
from support.peers import (
    Handler,
    Receive,
    Send,
    full_listener,
    raw_server,
    read_head,
    reset,
    respond,
    until_gone,
)
from support.servers import free_port


async def _endless(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answers at once to ``/short``, otherwise says one piece and waits for the client to leave."""
    if scope["path"] == "/short":
        return await respond(send, b"short")
    if scope["path"] != "/silent":
        await respond(send)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await until_gone(receive)


# --- no connection, and no HTTP --------------------------------------------------------------

_NOBODY = free_port()
NO_CONNECTION: list[tuple[str, type[GemstreamError]]] = [
    (f"http://127.0.0.1:{_NOBODY}/", ConnectFailed),
    (f"https://127.0.0.1:{_NOBODY}/", ConnectFailed),
    (f"http://{'.'.join(['a' * 63] * 5)}/", ConnectFailed),
    ("http://127.0.0.1:99999/", InvalidRequest),
    ("http:///path", InvalidRequest),
    ("ftp://127.0.0.1/", InvalidRequest),
]


async def _refusal(transport: HTTP2Transport, url: str, **deadlines: float) -> GemstreamError:
    request = HTTPRequest("POST", url, {"x-goog-api-key": "SECRET"}, b"SECRET")
    with pytest.raises(GemstreamError) as caught:
        await read(await transport.open(request, Deadlines(**deadlines)))
    await transport.aclose()
    return caught.value


@pytest.mark.parametrize(("url", "kind"), NO_CONNECTION, ids=map(str, range(len(NO_CONNECTION))))
async def test_no_connection_is_a_typed_error(url: str, kind: type[GemstreamError]) -> None:
    assert type(await _refusal(HTTP2Transport(), url)) is kind


async def test_a_peer_that_lets_nobody_in_is_a_connect_timeout() -> None:
    with full_listener() as url:
        error = await _refusal(HTTP2Transport(), url, connect=0.05)
    assert isinstance(error, ConnectTimeout)
    assert (error.timeout, error.retryable) == (0.05, True)


def _says(data: bytes, *, resets: bool = False) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(data)
        await writer.drain()
        if resets:
            reset(writer)

    return handler


_OK = b"HTTP/1.1 200 OK\r\n"
BROKEN: dict[str, tuple[bytes, type[GemstreamError]]] = {
    "nothing": (b"", StreamInterrupted),
    "half a head": (_OK + b"X-A", StreamInterrupted),
    "half a body": (_OK + b"Content-Length: 5\r\n\r\nab", StreamInterrupted),
    "half a chunk": (_OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", StreamInterrupted),
    "no last chunk": (_OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", StreamInterrupted),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", ProtocolError),
    "a header without a colon": (_OK + b"nonsense\r\n\r\n", ProtocolError),
    "a packed body": (
        _OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab",
        ProtocolError,
    ),
}


@pytest.mark.parametrize("resets", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("case", BROKEN)
async def test_over_http1_a_broken_answer_is_a_typed_error(case: str, resets: bool) -> None:
    data, kind = BROKEN[case]
    async with raw_server(_says(data, resets=resets)) as url:
        error = await _refusal(HTTP2Transport(), url)
    assert isinstance(error, kind if not resets else ProtocolError | StreamInterrupted)


async def test_a_server_of_http1_is_no_server_of_http2() -> None:
    async with raw_server(_says(_OK + b"Content-Length: 0\r\n\r\n")) as url:
        error = await _refusal(HTTP2Transport(prior_knowledge=True), url)
    assert isinstance(error, ProtocolError | StreamInterrupted)


async def test_no_error_shows_or_holds_what_was_sent() -> None:
    async with raw_server(_says(b"SSH-2.0\r\n\r\n")) as url:
        refusals = [
            await _refusal(HTTP2Transport(), f"{url}/?token=SECRET"),
            await _refusal(HTTP2Transport(), f"http://127.0.0.1:{_NOBODY}/?token=SECRET"),
        ]
    for error in refusals:
        assert "SECRET" not in repr((error, error.args, vars(error)))
        assert (error.__cause__, error.__context__) == (None, None)


# --- TLS -------------------------------------------------------------------------------------


async def _http_version(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await respond(send, scope["http_version"].encode())


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> Path:
    authority.write(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


async def _asked(transport: HTTP2Transport, url: str) -> bytes:
    exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
    try:
        return await read(exchange)
    finally:
        await transport.aclose()


async def test_http2_is_negotiated(authority: Authority, ca_file: Path) -> None:
    tls = authority.context("h2", "http/1.1")
    async with http2_server(_http_version, tls=tls) as url:
        assert await _asked(HTTP2Transport(ca_file=ca_file), url) == b"2"


async def test_without_http2_it_is_http1(authority: Authority, ca_file: Path) -> None:
    answer = _says(_OK + b"Content-Length: 2\r\n\r\nab")
    async with raw_server(answer, tls=authority.context("http/1.1")) as url:
        assert await _asked(HTTP2Transport(ca_file=ca_file), url) == b"ab"


async def test_the_environment_names_whom_to_trust(
    authority: Authority, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    async with http2_server(_http_version, tls=authority.context("h2")) as url:
        assert await _asked(HTTP2Transport(), url) == b"2"


async def test_a_server_nobody_vouches_for_is_no_connection(authority: Authority) -> None:
    async with http2_server(_http_version, tls=authority.context("h2")) as url:
        error = await _refusal(HTTP2Transport(), url)
    assert isinstance(error, ConnectFailed)
    assert (error.retryable, "TLS" in str(error)) == (False, True)


async def test_a_server_without_tls_is_no_connection() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_server(handler) as url:
        error = await _refusal(HTTP2Transport(), url.replace("http:", "https:"))
    assert isinstance(error, ConnectFailed)
    assert (error.retryable, "TLS" in str(error)) == (False, True)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        HTTP2Transport(ca_file=path)


# --- proxies ---------------------------------------------------------------------------------


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelt in (name, name.lower()):
            monkeypatch.delenv(spelt, raising=False)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    ("trust_env", "exempt", "through"),
    [(True, "", True), (True, "127.0.0.1", False), (False, "", False)],
)
async def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, trust_env: bool, exempt: str, through: bool
) -> None:
    direct = _says(_OK + b"Content-Length: 6\r\n\r\ndirect")
    proxied = _says(_OK + b"Content-Length: 7\r\n\r\nproxied")
    async with raw_server(direct) as url, raw_server(proxied) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", exempt)
        got = await _asked(HTTP2Transport(trust_env=trust_env), url)
    assert got == (b"proxied" if through else b"direct")


class _Tunnel:
    """A proxy that lets connections through, and remembers how it was asked."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await read_head(reader))
        host, _, port = self.heads[-1].split()[1].decode().rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        onward = asyncio.create_task(_copy(reader, far_writer))
        try:
            await _copy(far_reader, writer)
        finally:
            onward.cancel()
            far_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


@pytest.mark.usefixtures("no_proxies")
async def test_http2_passes_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, ca_file: Path
) -> None:
    tunnel, tls = _Tunnel(), authority.context("h2", "http/1.1")
    async with http2_server(_http_version, tls=tls) as url, raw_server(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("http://", "http://us%40er:pw@"))
        assert await _asked(HTTP2Transport(ca_file=ca_file), url) == b"2"
    (head,) = tunnel.heads
    at = url.removeprefix("https://").encode()
    assert head.startswith(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n" % (at, at))
    assert b"\r\nProxy-Authorization: Basic dXNAZXI6cHc=\r\n" in head


# What a proxy says, and whether it may say something else another time.
REFUSING: list[tuple[bytes, bool]] = [
    (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", False),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", False),
    (b"HTTP/1.0 503\r\n\r\n", True),
    (b"HTTP/1.1 200 OK\r\nX-A: b", True),
    (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", True),
    (b"x" * 20_000, True),
    (b"", True),
]


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(("answer", "may_pass"), REFUSING)
async def test_a_proxy_that_refuses_is_no_connection(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, may_pass: bool
) -> None:
    async with raw_server(_says(answer)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("http://", "http://user:SECRET@"))
        error = await _refusal(HTTP2Transport(), "https://service.invalid/")
    assert isinstance(error, ConnectFailed)
    assert ("proxy" in str(error), error.retryable) == (True, may_pass)
    assert "SECRET" not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_no_connection(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{_NOBODY}")
    error = await _refusal(HTTP2Transport(), "https://service.invalid/")
    assert isinstance(error, ConnectFailed)
    assert ("proxy" in str(error), error.retryable) == (True, True)


# --- its life --------------------------------------------------------------------------------


def test_one_transport_serves_one_event_loop_after_another() -> None:
    transport = HTTP2Transport(prior_knowledge=True)

    async def call() -> bytes:
        async with http2_server(_http_version) as url:
            exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
            return await read(exchange)

    assert [asyncio.run(call()) for _ in range(3)] == [b"2"] * 3
    asyncio.run(transport.aclose())


async def test_a_transport_nobody_closed_says_so() -> None:
    transport = HTTP2Transport(prior_knowledge=True)
    async with http2_server(_http_version) as url:
        await read(await transport.open(HTTPRequest("GET", url), Deadlines()))
        with pytest.warns(ResourceWarning, match="a gemstream client was not closed"):
            del transport
            gc.collect()


async def test_a_transport_that_opened_nothing_needs_no_closing() -> None:
    HTTP2Transport()
    gc.collect()


async def test_a_connect_timeout_for_each_call_shares_the_connection() -> None:
    async with asyncio.timeout(20), reached(_endless) as reach:
        for number in range(20):
            assert await read(await reach.open("short", connect=1 + number)) == b"short"
        assert [peer.requests for peer in reach.peers] == [20]


async def test_closing_ends_what_is_still_waiting_for_its_head() -> None:
    async with asyncio.timeout(20), reached(_endless) as reach:
        opening = asyncio.create_task(reach.open("silent"))
        await reach.arrived.acquire()
        await reach.transport.aclose()
        with pytest.raises(StreamInterrupted, match="the client was closed"):
            await opening


async def test_a_client_streams_over_it() -> None:
    transport = HTTP2Transport()
    async with serving(Emulator(Script([Rule(steps=["one ", "two"])]))) as url:
        client = AsyncClient("key", base_url=url, transport=transport)
        async with client, client.generate_stream("Hi") as stream:
            assert [chunk.text async for chunk in stream if chunk.text] == ["one ", "two"]
        await transport.aclose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_opens_connections_of_its_own() -> None:
    said = _run(
        "import asyncio, os\n"
        "from gemstream.net.http2_transport import HTTP2Transport\n"
        "from gemstream.net.transport import Deadlines, HTTPRequest\n"
        "from support.http2_server import http2_server\n"
        "from support.peers import respond\n"
        "transport = HTTP2Transport(prior_knowledge=True)\n"
        "async def app(scope, receive, send):\n"
        "    await respond(send, b'a')\n"
        "async def call():\n"
        "    async with http2_server(app) as url:\n"
        "        exchange = await transport.open(HTTPRequest('GET', url), Deadlines())\n"
        "        print(await exchange.receive(), flush=True)\n"
        "asyncio.run(call())\n"
        "if child := os.fork():\n"
        "    os.waitpid(child, 0)\n"
        "else:\n"
        "    asyncio.run(call())\n"
        "    asyncio.run(transport.aclose())\n"
        "    os._exit(0)\n"
        "asyncio.run(transport.aclose())\n"
    )
    assert said.split() == ["b'a'"] * 2


def test_without_the_extra_it_says_what_to_install() -> None:
    said = _run(
        "import sys\n"
        "sys.modules['h2'] = None\n"
        "from gemstream.errors import ConfigError\n"
        "from gemstream.net.http2_transport import HTTP2Transport\n"
        "try:\n"
        "    HTTP2Transport()\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    assert "pip install 'gemstream[http2]'" in said


def _run(code: str) -> str:
    beside = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=beside
    )
    assert not done.stderr
    return done.stdout
