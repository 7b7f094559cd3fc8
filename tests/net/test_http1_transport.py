"""The relay's leg over real sockets: what it sends, keeps, drops and refuses."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conformance.transport import PATIENT, read
from gemstream.errors import (
    ConnectFailed,
    GemstreamError,
    InvalidRequest,
    InvalidState,
    ProtocolError,
    StreamInterrupted,
    TotalTimeout,
)
from gemstream.net.http1_connection import MOST_UNREAD
from gemstream.net.http1_exchange import HTTP1Exchange
from gemstream.net.http1_transport import HTTP1Transport
from gemstream.net.transport import Deadlines, HTTPRequest
from support.clock import in_no_time
from support.http2_server import Authority
from support.peers import Handler, full_listener, left_behind, raw_server, read_head, reset

_OK = b"HTTP/1.1 200 OK\r\n"
_SHORT = _OK + b"Content-Length: 2\r\n\r\nab"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"


class _Peer:
    """Answers every request with the next of ``answers``, the last for ever; keeps connections."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.heads: list[bytes] = []
        self.arrived = asyncio.Event()
        self.gone = asyncio.Event()
        self.gone.set()
        self.connections = 0
        self.live = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.live += 1
        self.gone.clear()
        try:
            while True:
                self.heads.append(await read_head(reader))
                self.arrived.set()
                answers = self._answers
                writer.write(answers.pop(0) if len(answers) > 1 else answers[0])
        finally:
            self.live -= 1
            if not self.live:
                self.gone.set()

    async def alone(self) -> None:
        """Wait until nobody is connected."""
        async with asyncio.timeout(PATIENT):
            await self.gone.wait()


@contextlib.asynccontextmanager
async def _reached(handler: Handler) -> AsyncIterator[tuple[HTTP1Transport, str]]:
    before = asyncio.all_tasks()
    transport = HTTP1Transport()
    try:
        async with asyncio.timeout(PATIENT), raw_server(handler) as url:
            try:
                yield transport, url
            finally:
                await transport.aclose()
    finally:
        assert not left_behind(before)


async def _asked(transport: HTTP1Transport, url: str, method: str = "POST") -> bytes:
    exchange = await transport.open(HTTPRequest(method, url, {}, b"{}"), Deadlines())
    try:
        return await read(exchange)
    finally:
        exchange.abort()


# --- which connection ------------------------------------------------------------------------

# What a peer says that stays connected, and whether the connection may be used again.
KEPT = {
    "a length": (_SHORT, True),
    "chunks": (_CHUNKED + b"2\r\nab\r\n0\r\n\r\n", True),
    "a trailer": (_CHUNKED + b"2\r\nab\r\n0\r\nX-T: 1\r\n\r\n", True),
    "an interim answer": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + _SHORT, True),
    "close": (_OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nab", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", False),
    "a second answer": (_SHORT + _SHORT, False),
    "a line end behind": (_SHORT + b"\r\n", False),
    "a line end behind chunks": (_CHUNKED + b"2\r\nab\r\n0\r\n\r\n\r\n", False),
}


@pytest.mark.parametrize("case", KEPT)
async def test_a_connection_is_used_again_when_nothing_speaks_against_it(case: str) -> None:
    answer, is_kept = KEPT[case]
    peer = _Peer(answer)
    async with _reached(peer) as (transport, url):
        assert [await _asked(transport, url) for _ in range(3)] == [b"ab"] * 3
        assert peer.connections == (1 if is_kept else 3)


async def test_an_answer_without_a_body_leaves_the_connection() -> None:
    peer = _Peer(
        _OK + b"Content-Length: 5\r\n\r\n", b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", _SHORT
    )
    async with _reached(peer) as (transport, url):
        assert [await _asked(transport, url, method) for method in ("HEAD", "GET", "GET")] == [
            b"",
            b"",
            b"ab",
        ]
        assert peer.connections == 1


async def test_each_origin_has_connections_of_its_own() -> None:
    one, two = _Peer(_SHORT), _Peer(_SHORT)
    async with _reached(two) as (transport, here), raw_server(one) as there:
        for url in (there, here, there, here):
            assert await _asked(transport, url) == b"ab"
        assert (one.connections, two.connections) == (1, 1)


async def test_as_many_connections_as_exchanges_and_then_the_same_again() -> None:
    peer = _Peer(_SHORT)
    async with _reached(peer) as (transport, url):
        for _ in range(3):
            await asyncio.gather(*[_asked(transport, url) for _ in range(40)])
            assert peer.connections <= 40
        assert await _asked(transport, url) == b"ab"


async def test_an_answer_before_the_request_is_all_sent_ends_the_connection() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        await asyncio.Event().wait()  # and never reads the body

    large = bytes(64 * 1024 * 1024)
    async with _reached(handler) as (transport, url):
        for _ in range(2):
            exchange = await transport.open(HTTPRequest("POST", url, {}, large), Deadlines())
            assert (exchange.status, await read(exchange)) == (413, b"no")
        assert connections == 2


def test_an_end_that_lies_unread_in_the_socket_costs_nothing() -> None:
    """The server closes while our loop is busy, and the next POST goes out in the same turn."""
    listener = socket.create_server(("127.0.0.1", 0))
    closed, seen = threading.Event(), []

    def serve() -> None:
        for _ in range(2):
            peer, _ = listener.accept()
            with peer:
                seen.append(peer.recv(65536))
                peer.sendall(_SHORT)
            closed.set()

    async def call() -> None:
        transport = HTTP1Transport()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        exchange = await transport.open(HTTPRequest("POST", url, {}, b"{}"), Deadlines())
        assert await exchange.receive() == b"ab"
        closed.wait()  # the loop stands still
        exchange = await transport.open(HTTPRequest("POST", url, {}, b"{}"), Deadlines())
        assert await read(exchange) == b"ab"
        await transport.aclose()

    server = threading.Thread(target=serve)
    server.start()
    asyncio.run(call())
    server.join()
    listener.close()
    assert len(seen) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_kept_connection_that_breaks_under_a_request_is_told_and_not_repeated(
    method: str,
) -> None:
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await read_head(reader)
        asked += 1
        writer.write(_SHORT)
        await read_head(reader)
        asked += 1  # the second is read, and the connection closed without an answer

    async with _reached(handler) as (transport, url):
        assert await _asked(transport, url, method) == b"ab"
        with pytest.raises(StreamInterrupted) as caught:
            await _asked(transport, url, method)
        assert caught.value.retryable
        assert asked == 2


async def test_what_an_idle_connection_says_ends_it() -> None:
    speak, said, connections = asyncio.Event(), asyncio.Event(), 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_head(reader)
        writer.write(_SHORT)
        await speak.wait()
        writer.write(_SHORT)
        said.set()
        assert await reader.read() == b""

    async with _reached(handler) as (transport, url):
        assert await _asked(transport, url) == b"ab"
        speak.set()
        await said.wait()
        assert await _asked(transport, url) == b"ab"
        assert connections == 2


def test_an_idle_connection_is_closed_after_some_seconds() -> None:
    peer = _Peer(_SHORT)

    async def call() -> None:
        transport = HTTP1Transport()
        async with raw_server(peer) as url:
            await _asked(transport, url)
            await asyncio.sleep(10)
            await _asked(transport, url)  # it was used: counted anew
            await asyncio.sleep(14)
            assert (peer.connections, peer.live) == (1, 1)
            await asyncio.sleep(2)
            await peer.alone()
            await transport.aclose()

    in_no_time(call())


async def test_a_server_that_ends_every_connection_at_once_is_an_error_and_no_silence() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async with _reached(handler) as (transport, url):
        for _ in range(20):
            with pytest.raises((StreamInterrupted, ConnectFailed)):
                await _asked(transport, url)


# --- backpressure ----------------------------------------------------------------------------


async def test_little_more_is_held_than_a_reader_leaves_unread() -> None:
    """All that comes at once is what the limit lets through and one read of the socket."""
    block, sent = b"10000\r\n" + bytes(65536) + b"\r\n", asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(_CHUNKED + block * 512 + b"0\r\n\r\n")
        sent.set()
        await writer.drain()
        await reader.read()

    async with _reached(handler) as (transport, url):
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        await sent.wait()
        whole, largest = 0, 0
        while True:
            for _ in range(20):  # the reader is slow
                await asyncio.sleep(0)
            if not (data := await exchange.receive()):
                break
            whole, largest = whole + len(data), max(largest, len(data))
        assert whole == 512 * 65536
        assert largest <= MOST_UNREAD + 256 * 1024


async def test_a_reader_gets_all_that_waits_at_once() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(_CHUNKED + b"1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n")

    async with _reached(handler) as (transport, url):
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        assert [await exchange.receive(), await exchange.receive()] == [b"abcdef", b""]


# --- leaving ---------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [b"", _CHUNKED, _CHUNKED + b"1\r\na\r\n"])
async def test_cancelling_at_any_turn_closes_the_connection(answer: bytes) -> None:
    peer = _Peer(answer)
    async with _reached(peer) as (transport, url):
        for turns in range(30):
            task = asyncio.create_task(_asked(transport, url))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await peer.alone()


async def test_a_cancelled_receive_closes_without_being_asked_to() -> None:
    peer = _Peer(_CHUNKED)
    async with _reached(peer) as (transport, url):
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        reading = asyncio.create_task(exchange.receive())
        await asyncio.sleep(0)
        reading.cancel()
        await peer.alone()
        assert reading.cancelled()
        with pytest.raises(StreamInterrupted):
            await exchange.receive()


async def test_one_exchange_has_one_reader() -> None:
    async with _reached(_Peer(_CHUNKED)) as (transport, url):
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        reading = asyncio.create_task(exchange.receive())
        await asyncio.sleep(0)
        with pytest.raises(InvalidState, match="another task"):
            await exchange.receive()
        exchange.abort()
        with pytest.raises(StreamInterrupted):
            await reading


async def test_an_exchange_nobody_closed_says_so_and_closes() -> None:
    peer = _Peer(_CHUNKED)
    async with _reached(peer) as (transport, url):
        deadlines = Deadlines(first_chunk=PATIENT, idle=PATIENT)
        exchange = await transport.open(HTTPRequest("GET", url), deadlines)
        with pytest.warns(ResourceWarning, match="exchange was not closed"):
            del exchange
            gc.collect()
        await peer.alone()


async def test_closing_ends_what_waits_for_its_head() -> None:
    peer = _Peer(b"")
    async with _reached(peer) as (transport, url):
        opening = asyncio.create_task(_asked(transport, url))
        await peer.arrived.wait()
        await transport.aclose()
        with pytest.raises(StreamInterrupted, match="closed"):
            await opening
        await peer.alone()


async def test_closing_ends_what_waits_for_its_connection() -> None:
    transport = HTTP1Transport()
    with full_listener() as url:
        opening = asyncio.create_task(_asked(transport, url))
        async with asyncio.timeout(PATIENT):
            for _ in range(20):
                await asyncio.sleep(0)
            await transport.aclose()
            with pytest.raises(StreamInterrupted, match="closed"):
                await opening


async def test_a_total_that_has_passed_sends_nothing_on_a_kept_connection() -> None:
    peer = _Peer(_SHORT)
    async with _reached(peer) as (transport, url):
        await _asked(transport, url)
        now = asyncio.get_running_loop().time()
        with pytest.raises(TotalTimeout):
            await transport.open(HTTPRequest("POST", url), Deadlines(total=now - 1))
        await _asked(transport, url)
        assert (len(peer.heads), peer.connections) == (2, 1)


async def test_nothing_refers_to_an_exchange_that_is_over() -> None:
    gc.collect()
    async with _reached(_Peer(_SHORT)) as (transport, url):
        for _ in range(20):
            await _asked(transport, url)
        gc.disable()
        try:
            await _asked(transport, url)
            assert not [one for one in gc.get_objects() if type(one) is HTTP1Exchange]
        finally:
            gc.enable()


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_packed_bytes_are_never_handed_on(coding: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 2\r\n\r\nab"
    async with _reached(_Peer(head.encode())) as (transport, url):
        with pytest.raises(ProtocolError, match=coding):
            await _asked(transport, url)


async def test_no_error_shows_or_holds_what_was_sent() -> None:
    async with _reached(_Peer(b"SSH-2.0\r\n\r\n")) as (transport, url):
        request = HTTPRequest("POST", f"{url}/?a=SECRET", {"x-goog-api-key": "SECRET"}, b"SECRET")
        with pytest.raises(ProtocolError) as caught:
            await transport.open(request, Deadlines())
    error = caught.value
    assert "SECRET" not in repr((error, error.args, vars(error)))
    assert (error.__cause__, error.__context__) == (None, None)


# --- TLS -------------------------------------------------------------------------------------


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def trusted(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.write(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


async def _over_tls(handler: Handler, tls: ssl.SSLContext, **options: ssl.SSLContext) -> bytes:
    transport = HTTP1Transport(**options)
    try:
        async with asyncio.timeout(PATIENT), raw_server(handler, tls=tls) as url:
            await _asked(transport, url)
            return await _asked(transport, url)
    finally:
        await transport.aclose()


@pytest.mark.usefixtures("trusted")
async def test_over_tls_http1_is_agreed_on_and_the_connection_kept(authority: Authority) -> None:
    agreed: list[str | None] = []
    peer = _Peer(_SHORT)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agreed.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await peer(reader, writer)

    assert await _over_tls(handler, authority.context("h2", "http/1.1")) == b"ab"
    assert agreed == ["http/1.1"]


@pytest.mark.usefixtures("trusted")
async def test_a_context_of_the_callers_is_used_as_it_is(authority: Authority) -> None:
    own = ssl.create_default_context()
    own.set_alpn_protocols(["h2"])
    with pytest.raises(ConnectFailed, match="'h2'") as caught:
        await _over_tls(_Peer(_SHORT), authority.context("h2"), ssl=own)
    assert not caught.value.retryable


async def test_a_server_nobody_vouches_for_is_no_connection(authority: Authority) -> None:
    with pytest.raises(ConnectFailed, match="TLS") as caught:
        await _over_tls(_Peer(_SHORT), authority.context("http/1.1"))
    assert not caught.value.retryable


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("says_so", [True, False])
def test_over_tls_only_its_own_end_completes_a_body(
    authority: Authority, says_so: bool, loop: str
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(_OK + b"Connection: close\r\n\r\nab")
        await writer.drain()
        if not says_so:
            writer.transport.abort()

    new_loop = pytest.importorskip(loop).new_event_loop
    outcome = contextlib.nullcontext() if says_so else pytest.raises(StreamInterrupted)
    with outcome, asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(_over_tls(handler, authority.context("http/1.1"))) == b"ab"


# --- proxies, and what is not installed ------------------------------------------------------


@pytest.mark.parametrize(
    ("trust_env", "exempt", "through"),
    [(True, "", True), (True, "127.0.0.1", False), (False, "", False)],
)
async def test_a_proxy_of_the_environment_is_gone_through(
    monkeypatch: pytest.MonkeyPatch, trust_env: bool, exempt: str, through: bool
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelt in (name, name.lower()):
            monkeypatch.delenv(spelt, raising=False)
    direct, proxied = _Peer(_SHORT), _Peer(_OK + b"Content-Length: 2\r\n\r\npx")
    async with raw_server(direct) as url, raw_server(proxied) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", exempt)
        transport = HTTP1Transport(trust_env=trust_env)
        assert await _asked(transport, url) == (b"px" if through else b"ab")
        await transport.aclose()


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['httptools'] = None\n"
        "from gemstream.errors import ConfigError\n"
        "from gemstream.net.http1_transport import HTTP1Transport\n"
        "try:\n"
        "    HTTP1Transport()\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'gemstream[relay]'" in said.stdout


_BAD_URLS = ["http://127.0.0.1:99999/", "http:///path", "ftp://a/", "http://a" + "ü" * 70 + "/"]


@pytest.mark.parametrize("url", _BAD_URLS)
async def test_a_url_that_cannot_be_used_is_an_invalid_request(url: str) -> None:
    transport = HTTP1Transport()
    with pytest.raises(InvalidRequest) as caught:
        await transport.open(HTTPRequest("GET", url), Deadlines())
    assert isinstance(caught.value, GemstreamError)
    await transport.aclose()
