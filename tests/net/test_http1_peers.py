"""HTTP/1.1 over real sockets: what a peer can do to a connection, and what we make of it.

Both transports that speak it pass: aiohttp is the reference, the relay's own leg is held to it.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from gemstream import AsyncClient
from gemstream.emulator import Emulator, Rule, Script, Stall, serving
from gemstream.errors import (
    ConnectFailed,
    ConnectTimeout,
    GemstreamError,
    InvalidRequest,
    ProtocolError,
    StreamInterrupted,
    TotalTimeout,
)
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.http1_transport import HTTP1Transport
from gemstream.net.transport import Deadlines, HTTPRequest, Transport
from support.peers import Handler, full_listener, left_behind, raw_server, read_head, reset
from support.servers import free_port

New = Callable[[], Transport]


@pytest.fixture(params=[AiohttpTransport, HTTP1Transport], ids=["aiohttp", "http1"])
def new(request: pytest.FixtureRequest) -> New:
    """What makes a transport."""
    made: New = request.param
    return made


_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"


def _says(*written: bytes, then: Callable[[asyncio.StreamWriter], None] | None = None) -> Handler:
    """Return a peer that writes this to the first request of a connection, then closes it."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        for data in written:
            writer.write(data)
            await writer.drain()
        if then is not None:
            then(writer)

    return handler


async def _outcome(new: New, handler: Handler) -> tuple[bytes, GemstreamError | None]:
    """Return what was received, and the error that ended it."""
    before = asyncio.all_tasks()
    transport = new()
    received: list[bytes] = []
    try:
        async with raw_server(handler) as url:
            await _receive(transport, url, received)
    except GemstreamError as error:
        return b"".join(received), error
    finally:
        await transport.aclose()
        assert not left_behind(before)
    return b"".join(received), None


async def _receive(transport: Transport, url: str, received: list[bytes]) -> None:
    exchange = await transport.open(HTTPRequest("POST", url, {}, b"{}"), Deadlines())
    try:
        while data := await exchange.receive():
            received.append(data)
    finally:
        await exchange.aclose()


CLEAN = {
    "chunked": [_CHUNKED, b"2\r\nab\r\n", b"0\r\n\r\n"],
    "chunked with a trailer": [_CHUNKED, b"2\r\nab\r\n0\r\nX-T: 1\r\n\r\n"],
    "content-length": [_OK + b"Content-Length: 2\r\n\r\n", b"ab"],
    "until the connection closes": [_OK + b"Connection: close\r\n\r\n", b"ab"],
    "HTTP/1.0": [b"HTTP/1.0 200 OK\r\n\r\nab"],
    "after a 100 Continue": [b"HTTP/1.1 100 Continue\r\n\r\n", _CHUNKED, b"2\r\nab\r\n0\r\n\r\n"],
}


@pytest.mark.parametrize("framing", CLEAN)
async def test_a_clean_end_is_an_end(new: New, framing: str) -> None:
    assert await _outcome(new, _says(*CLEAN[framing])) == (b"ab", None)


CUT = {
    "before the head": [],
    "inside the head": [b"HTTP/1.1 200 OK\r\nX-A"],
    "before the last chunk": [_CHUNKED, b"2\r\nab\r\n"],
    "inside a chunk": [_CHUNKED, b"5\r\nab"],
    "inside a chunk's size": [_CHUNKED, b"2\r\nab\r\n1"],
    "inside the last chunk": [_CHUNKED, b"2\r\nab\r\n0\r\n"],
    "short of content-length": [_OK + b"Content-Length: 5\r\n\r\n", b"ab"],
}


@pytest.mark.parametrize("end", [None, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("place", CUT)
async def test_a_cut_is_an_interruption(new: New, place: str, end: Any) -> None:
    received, error = await _outcome(new, _says(*CUT[place], then=end))
    assert isinstance(error, StreamInterrupted)
    assert error.retryable
    assert received in (b"", b"ab")


@pytest.mark.parametrize("place", ["before the last chunk", "short of content-length"])
async def test_what_arrived_before_a_cut_is_delivered(new: New, place: str) -> None:
    assert (await _outcome(new, _says(*CUT[place])))[0] == b"ab"


INVALID = {
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a header without a colon": _OK + b"nonsense\r\n\r\n",
    "a header of 64 KiB": _OK + b"X-A: " + b"a" * 65536 + b"\r\n\r\n",
    "64 KiB of headers that never end": _OK + b"".join(b"X-%d: a\r\n" % n for n in range(9000)),
    "two lengths": _OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a chunk size that is no number": _CHUNKED + b"zz\r\nab\r\n0\r\n\r\n",
    "a broken gzip body": _OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
}


@pytest.mark.parametrize("case", INVALID)
async def test_what_is_not_http_is_a_typed_error(new: New, case: str) -> None:
    received, error = await _outcome(new, _says(INVALID[case]))
    assert isinstance(error, ProtocolError | StreamInterrupted), error
    assert received == b""


async def test_a_head_of_many_headers_arrives(new: New) -> None:
    head = _OK + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 400) for n in range(20))
    assert await _outcome(new, _says(head + b"Content-Length: 2\r\n\r\nab")) == (b"ab", None)


# --- connections -----------------------------------------------------------------------------


async def _connections_for(
    new: New, body: bytes, requests: int, *, abort_after: int | None = None
) -> int:
    """Return how many connections a peer saw that keeps each open."""
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await read_head(reader)
            writer.write(_CHUNKED + body)

    transport = new()
    async with raw_server(handler) as url:
        for _ in range(requests):
            exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
            if abort_after is None:
                while await exchange.receive():
                    pass
            await exchange.aclose()
        await transport.aclose()
    return connections


async def test_a_connection_is_used_again_after_a_clean_end(new: New) -> None:
    assert await _connections_for(new, b"2\r\nab\r\n0\r\n\r\n", 5) == 1


async def test_a_connection_is_not_used_again_after_leaving_early(new: New) -> None:
    assert await _connections_for(new, b"2\r\nab\r\n", 3, abort_after=0) == 3


async def test_a_peer_that_closed_an_idle_connection_costs_nothing(new: New) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(_OK + b"Content-Length: 2\r\n\r\nab")
        await writer.drain()
        writer.write_eof()
        assert await reader.read() == b""  # we closed our end too
        closed.set()

    transport = new()
    async with raw_server(handler) as url:
        for _ in range(3):
            exchange = await transport.open(HTTPRequest("POST", url, {}, b"{}"), Deadlines())
            assert await exchange.receive() == b"ab"
            assert await exchange.receive() == b""
            await closed.wait()
            closed.clear()
        await transport.aclose()


def test_one_transport_serves_one_event_loop_after_another(new: New) -> None:
    transport = new()

    async def call() -> bytes:
        async with raw_server(_says(_OK + b"Content-Length: 2\r\n\r\nab")) as url:
            exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
            return await exchange.receive()

    assert [asyncio.run(call()) for _ in range(3)] == [b"ab"] * 3
    asyncio.run(transport.aclose())


async def test_a_transport_nobody_closed_says_so(new: New) -> None:
    transport = new()
    async with raw_server(_says(_OK + b"Content-Length: 2\r\n\r\nab")) as url:
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        await exchange.receive()
        await exchange.receive()
        with pytest.warns(ResourceWarning, match="a gemstream client was not closed"):
            del exchange, transport
            gc.collect()


async def test_a_transport_that_opened_nothing_needs_no_closing(new: New) -> None:
    transport = new()
    del transport
    gc.collect()


# --- no connection at all --------------------------------------------------------------------

_LONG_NAME = ".".join(["a" * 63] * 5)  # longer than any name may be, so nobody is asked for it
NO_CONNECTION: list[tuple[str, type[GemstreamError]]] = [
    (f"http://127.0.0.1:{free_port()}/", ConnectFailed),
    (f"http://[::1]:{free_port()}/", ConnectFailed),
    (f"http://{_LONG_NAME}/", ConnectFailed),
    ("http://127.0.0.1:99999/", InvalidRequest),
    ("http:///path", InvalidRequest),
    ("ftp://127.0.0.1/", InvalidRequest),
]


@pytest.mark.parametrize(("url", "kind"), NO_CONNECTION, ids=map(str, range(len(NO_CONNECTION))))
async def test_no_connection_is_a_typed_error(
    new: New, url: str, kind: type[GemstreamError]
) -> None:
    transport = new()
    with pytest.raises(kind):
        await transport.open(HTTPRequest("POST", url, {}, b"{}"), Deadlines())
    await transport.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_no_connection_is_told_by_the_place_and_the_systems_words(
    new: New, host: str
) -> None:
    transport, place = new(), f"{host}:{free_port()}"
    with pytest.raises(ConnectFailed) as caught:
        await transport.open(HTTPRequest("POST", f"http://{place}/", {}, b"{}"), Deadlines())
    told = str(caught.value).removeprefix(f"no connection: {place}: ")
    assert told in {
        f"{os.strerror(number)}; check base_url and the network"
        for number in (errno.ECONNREFUSED, errno.EADDRNOTAVAIL)  # the latter without IPv6
    }
    await transport.aclose()


async def test_an_answer_that_ends_early_is_told_without_a_librarys_words(new: New) -> None:
    transport = new()
    async with raw_server(_says(_OK + b"Content-Length: 9\r\n\r\nab")) as url:
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        assert await exchange.receive() == b"ab"
        with pytest.raises(StreamInterrupted) as caught:
            await exchange.receive()
    assert str(caught.value) == "the connection broke: the answer broke off before its end"
    await transport.aclose()


async def test_a_peer_that_speaks_no_tls_is_no_connection(new: New) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    transport = new()
    async with raw_server(handler) as url:
        with pytest.raises(ConnectFailed, match="TLS") as caught:
            await transport.open(HTTPRequest("GET", url.replace("http:", "https:")), Deadlines())
        assert not caught.value.retryable
        await transport.aclose()


async def test_a_peer_that_lets_nobody_in_is_a_connect_timeout(new: New) -> None:
    transport = new()
    with full_listener() as url, pytest.raises(ConnectTimeout) as caught:
        await transport.open(HTTPRequest("GET", url), Deadlines(connect=0.05))
    assert (caught.value.timeout, caught.value.retryable) == (0.05, True)
    await transport.aclose()


async def test_a_total_below_connect_is_a_total_timeout(new: New) -> None:
    transport = new()
    total = asyncio.get_running_loop().time() + 0.05
    with full_listener() as url, pytest.raises(TotalTimeout):
        deadlines = Deadlines(connect=20, first_chunk=20, total=total, total_seconds=0.05)
        await transport.open(HTTPRequest("GET", url), deadlines)
    await transport.aclose()


async def test_cancelling_while_connecting_leaves_nothing(new: New) -> None:
    transport = new()
    before = asyncio.all_tasks()
    with full_listener() as url:
        opening = asyncio.create_task(transport.open(HTTPRequest("GET", url), Deadlines()))
        async with asyncio.timeout(0.05) as patience:
            with pytest.raises(asyncio.CancelledError):
                await opening
        assert patience.expired()
        await transport.aclose()
    assert not left_behind(before)


HEADERS = ["a\r\nb: c", "a\nb", "a\x00b"]


@pytest.mark.parametrize("value", HEADERS)
async def test_a_header_that_would_smuggle_another_is_not_sent(new: New, value: str) -> None:
    transport = new()
    async with raw_server(_says(_OK + b"Content-Length: 0\r\n\r\n")) as url:
        with pytest.raises(InvalidRequest):
            await transport.open(HTTPRequest("GET", url, {"x-a": value}), Deadlines())
        await transport.aclose()


async def test_a_reader_learns_that_the_transport_was_closed(new: New) -> None:
    transport = new()
    async with serving(Emulator(Script([Rule(steps=["a", Stall()])]))) as url:
        client = AsyncClient("key", base_url=url, transport=transport)
        stream = client.generate_stream("Hi")
        await anext(stream)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(StreamInterrupted, match="closed") as caught:
            await waiting
        await client.aclose()
    assert (caught.value.partial, caught.value.delivered) == ("a", 1)


async def test_no_error_holds_the_headers_of_its_request(new: New) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0 hello\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        transport = new()
        secret = {"x-goog-api-key": "SECRET"}
        with pytest.raises(GemstreamError) as caught:
            await transport.open(
                HTTPRequest("GET", f"http://127.0.0.1:{port}/", secret), Deadlines()
            )
        await transport.aclose()
    error: BaseException | None = caught.value
    while error is not None:
        assert "SECRET" not in repr((error, error.args, vars(error)))
        error = error.__cause__ or error.__context__


async def test_bytes_that_came_while_the_loop_was_busy_are_not_late(new: New) -> None:
    send_more = threading.Event()
    sent = threading.Event()
    end = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(_CHUNKED + b"1\r\na\r\n")
            send_more.wait()
            peer.sendall(b"1\r\nb\r\n")
            sent.set()
            end.wait()
            peer.sendall(b"0\r\n\r\n")

    server = threading.Thread(target=serve)
    server.start()
    transport = new()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    exchange = await transport.open(HTTPRequest("GET", url), Deadlines(idle=0.05))
    assert await exchange.receive() == b"a"
    exchange.began()
    reading = asyncio.create_task(exchange.receive())
    await asyncio.sleep(0)
    send_more.set()
    sent.wait()
    time.sleep(0.1)  # noqa: ASYNC251 (a loop that is busy for longer than idle is the subject)
    assert await reading == b"b"
    end.set()
    assert await exchange.receive() == b""
    await transport.aclose()
    server.join()
    listener.close()


async def test_a_body_that_breaks_leaves_nothing_of_a_library_in_its_error(new: New) -> None:
    async with raw_server(_says(_CHUNKED + b"1\r\na\r\n")) as url:
        transport = new()
        exchange = await transport.open(HTTPRequest("GET", url), Deadlines())
        assert await exchange.receive() == b"a"
        with pytest.raises(StreamInterrupted) as caught:
            await exchange.receive()
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        await transport.aclose()


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("is_reset", [True, False])
async def test_a_request_that_breaks_is_not_repeated_in_silence(
    new: New, method: str, is_reset: bool
) -> None:
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await read_head(reader)
        asked += 1
        if is_reset:
            reset(writer)

    transport = new()
    async with raw_server(handler) as url:
        with pytest.raises(StreamInterrupted):
            await transport.open(HTTPRequest(method, url), Deadlines())
        await transport.aclose()
    assert asked == 1
