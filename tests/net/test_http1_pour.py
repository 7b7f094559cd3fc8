"""An answer that is poured: given as it arrives, held back when nobody takes it, nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from conformance.transport import PATIENT
from gemstream.errors import IdleTimeout, StreamInterrupted
from gemstream.net.http1_connection import MOST_UNREAD
from gemstream.net.http1_exchange import HTTP1Exchange
from gemstream.net.http1_transport import HTTP1Transport
from gemstream.net.transport import Deadlines, HTTPRequest
from support.peers import Handler, raw_server, read_head, reset

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_PIECES = [b"one ", b"two ", b"three"]


def _framed(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@contextlib.asynccontextmanager
async def _poured(
    handler: Handler, deadlines: Deadlines | None = None
) -> AsyncIterator[HTTP1Exchange]:
    transport = HTTP1Transport()
    async with asyncio.timeout(PATIENT), raw_server(handler) as url:
        try:
            request = HTTPRequest("POST", url, {}, b"{}")
            exchange = await transport.open(request, deadlines or Deadlines())
            assert isinstance(exchange, HTTP1Exchange)
            yield exchange
        finally:
            exchange.abort()
            await transport.aclose()


class _Teller:
    """Sends a piece each time it is told to, and then ends as ``last`` says."""

    def __init__(self, last: bytes | None = b"0\r\n\r\n") -> None:
        self.go = asyncio.Semaphore(0)
        self._last = last

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(_CHUNKED)
        for piece in _PIECES:
            await self.go.acquire()
            writer.write(_framed(piece))
            await writer.drain()
        await self.go.acquire()
        if self._last is None:
            reset(writer)
        else:
            writer.write(self._last)
            await reader.read()


async def test_each_piece_is_given_before_the_next_is_sent() -> None:
    teller = _Teller()
    seen: list[bytes] = []

    def sink(data: bytes) -> bool:
        seen.append(data)
        teller.go.release()
        return True

    async with _poured(teller) as exchange:
        teller.go.release()
        assert await exchange.pour(sink) is True
        assert await exchange.receive() == b""
    assert seen == _PIECES


@pytest.mark.parametrize("stops", [(0,), (1,), (2,), (0, 1, 2)])
async def test_who_stops_goes_on_where_it_stopped(stops: tuple[int, ...]) -> None:
    teller = _Teller()
    seen: list[bytes] = []

    def sink(data: bytes) -> bool:
        seen.append(data)
        teller.go.release()
        return len(seen) - 1 not in stops

    async with _poured(teller) as exchange:
        teller.go.release()
        ends = [await exchange.pour(sink) for _ in range(len(stops) + 1)]
    assert ends == [False] * len(stops) + [True]
    assert seen == _PIECES


async def test_what_came_is_given_before_a_break_is_told() -> None:
    teller = _Teller(last=None)
    seen: list[bytes] = []

    def sink(data: bytes) -> bool:
        seen.append(data)
        teller.go.release()
        return True

    async with _poured(teller) as exchange:
        teller.go.release()
        with pytest.raises(StreamInterrupted):
            await exchange.pour(sink)
    assert seen == _PIECES


async def test_who_is_cancelled_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(_CHUNKED)
        await reader.read()
        gone.set()

    async with _poured(handler) as exchange:
        pouring = asyncio.create_task(exchange.pour(lambda data: True))
        await asyncio.sleep(0)
        pouring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pouring
        await gone.wait()


async def test_who_takes_no_more_is_not_read_for() -> None:
    """The peer can write no more than the sockets and one bounded buffer hold."""
    written = 0
    block = b"x" * 65536

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_head(reader)
        writer.write(_CHUNKED)
        while written < 64 * 1024 * 1024:
            writer.write(_framed(block))
            written += len(block)
            await writer.drain()

    async with _poured(handler) as exchange:
        assert await exchange.pour(lambda data: False) is False
        before = -1
        while written != before:  # until it stands still
            before = written
            await asyncio.sleep(0.2)
        assert exchange._body.unread <= MOST_UNREAD + 256 * 1024
        assert written < 64 * 1024 * 1024


async def test_silence_behind_the_first_chunk_is_an_idle_timeout() -> None:
    teller = _Teller()
    async with _poured(teller, Deadlines(idle=0.1)) as exchange:
        exchange.began()
        with pytest.raises(IdleTimeout):
            await exchange.pour(lambda data: True)
