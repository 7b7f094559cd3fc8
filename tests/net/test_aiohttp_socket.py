"""WebSockets of aiohttp where the wire itself is the subject: frames cut, broken, and pings."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from conformance.transport import MOMENT, PATIENT
from gemstream.errors import ConnectFailed, InvalidRequest, ProtocolError, StreamInterrupted
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.transport import Deadlines, HTTPRequest
from gemstream.net.web_socket import Close, Refusal, WebSocket
from support.peers import Handler, raw_server, read_head, reset
from support.raw_socket import frame, read_frame, shake_hands

PING, PONG, CLOSE = 9, 10, 8


async def _received(handler: Handler, *, ping_every: float = 20.0) -> bytes | Close:
    transport = AiohttpTransport()
    async with asyncio.timeout(PATIENT), raw_server(handler) as url:
        socket = await transport.open_socket(
            HTTPRequest("GET", url), Deadlines(), max_message_size=1000, ping_every=ping_every
        )
        assert isinstance(socket, WebSocket)
        try:
            return await socket.receive()
        finally:
            await socket.close()
            await transport.aclose()


def _writes(*pieces: bytes, breaks: bool = False) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        if breaks:
            reset(writer)

    return handler


ENDS = {
    "half a frame": ([frame(b"half")[:3]], Close()),
    "half a message": ([bytes((0x01, 1)) + b"a"], Close()),
    "nothing": ([], Close()),
    "a close without a code": ([frame(b"", CLOSE)], Close(1005)),
    "a close with words": ([frame(b"\x03\xf0no", CLOSE)], Close(1008, "no")),
    "a message in two fragments": ([bytes((0x01, 1)) + b"a", bytes((0x80, 1)) + b"b"], b"ab"),
    "a ping before a message": ([frame(b"", PING), frame(b"a")], b"a"),
    "a pong nobody asked for": ([frame(b"", PONG), frame(b"a")], b"a"),
}


@pytest.mark.parametrize("case", ENDS)
async def test_what_a_server_writes_before_it_goes_is(case: str) -> None:
    pieces, received = ENDS[case]
    assert await _received(_writes(*pieces)) == received


async def test_a_reset_is_a_connection_that_broke() -> None:
    assert await _received(_writes(breaks=True)) == Close()


BROKEN = {
    "a reserved bit": bytes((0xC1, 1)) + b"a",
    "a reserved opcode": frame(b"", 3),
    "a continuation of nothing": frame(b"a", 0),
    "a control frame that is too long": bytes((0x89, 126, 0, 126)),
    "a close of one byte": frame(b"\x03", CLOSE),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_no_websocket_is_a_protocol_error(case: str) -> None:
    with pytest.raises(ProtocolError, match="does not speak WebSocket"):
        await _received(_writes(BROKEN[case]))


async def test_pings_go_out_and_no_pong_is_waited_for() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        assert [await read_frame(reader) for _ in range(3)] == [(PING, b"")] * 3
        writer.write(frame(b"still here"))
        await reader.read()

    assert await _received(handler, ping_every=MOMENT) == b"still here"


async def test_a_ping_is_answered_while_somebody_reads() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(b"x", PING))
        assert await read_frame(reader) == (PONG, b"x")
        writer.write(frame(b"seen"))
        await reader.read()

    assert await _received(handler) == b"seen"


async def test_a_close_is_answered_also_after_a_read_that_was_cancelled() -> None:
    order = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        opcode, payload = await read_frame(reader)
        for _ in range(20):  # time in which a close that does not wait would be over
            await asyncio.sleep(0)
        order.append("answered")
        writer.write(frame(payload, opcode))
        await reader.read()

    transport = AiohttpTransport()
    async with asyncio.timeout(PATIENT), raw_server(handler) as url:
        socket = await transport.open_socket(
            HTTPRequest("GET", url), Deadlines(), max_message_size=1000
        )
        assert isinstance(socket, WebSocket)
        reading = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        await socket.close()
        order.append("closed")
        await transport.aclose()
    assert order == ["answered", "closed"]


async def test_a_refusal_is_told_by_its_beginning() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
        await reader.read()

    transport = AiohttpTransport()
    async with raw_server(handler) as url:
        request = HTTPRequest("GET", url)
        refusal = await transport.open_socket(request, Deadlines(), max_message_size=1000)
        assert isinstance(refusal, Refusal)
        assert (refusal.status, refusal.body) == (403, b"x" * 65_536)
        await transport.aclose()


@pytest.mark.parametrize(
    ("url", "error"), [("ws://127.0.0.1:1", ConnectFailed), ("ws://", InvalidRequest)]
)
async def test_errors_before_the_handshake_are_ours(url: str, error: type[Exception]) -> None:
    transport = AiohttpTransport()
    with pytest.raises(error):
        await transport.open_socket(HTTPRequest("GET", url), Deadlines(), max_message_size=1000)
    await transport.aclose()


@pytest.mark.parametrize("is_reset", [True, False])
async def test_a_handshake_that_breaks_is_not_repeated(is_reset: bool) -> None:
    shaken = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal shaken
        await read_head(reader)
        shaken += 1
        if is_reset:
            reset(writer)

    transport = AiohttpTransport()
    async with raw_server(handler) as url:
        with pytest.raises(StreamInterrupted):
            await transport.open_socket(HTTPRequest("GET", url), Deadlines(), max_message_size=9)
        await transport.aclose()
    assert shaken == 1


def _tls() -> tuple[trustme.CA, ssl.SSLContext]:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return authority, context


async def test_a_certificate_that_is_trusted_lets_through() -> None:
    authority, server = _tls()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    transport = AiohttpTransport(ssl=context)
    async with raw_server(_writes(frame(b"a")), tls=server) as url:
        request = HTTPRequest("GET", url.replace("https", "wss"))
        socket = await transport.open_socket(request, Deadlines(), max_message_size=1000)
        assert isinstance(socket, WebSocket)
        assert await socket.receive() == b"a"
        await transport.aclose()


async def test_a_certificate_that_is_not_trusted_is_told_and_not_tried_again() -> None:
    transport = AiohttpTransport()
    async with raw_server(_writes(), tls=_tls()[1]) as url:
        request = HTTPRequest("GET", url.replace("https", "wss"))
        with pytest.raises(ConnectFailed, match="no TLS connection") as raised:
            await transport.open_socket(request, Deadlines(), max_message_size=1000)
        assert not raised.value.retryable
        await transport.aclose()
