"""How long a connection is waited for, on a clock that never really waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.config.relay.options import ServerOptions
from gemstream.relay.server.refusal import Refusal
from relay.server.served import echo
from relay.server.wired import connected
from support.clock import in_no_time

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize(("a_second", "seconds"), [(0, 10), (1000, 10), (1023, 10)])
def test_a_body_that_drips_is_refused(a_second: int, seconds: int) -> None:
    async def main() -> Any:
        protocol, wire = connected()
        protocol.data_received(HEAD)
        began = asyncio.get_running_loop().time()
        while not wire.sent:
            await asyncio.sleep(1)
            if not wire.sent and a_second:
                protocol.data_received(b"a" * a_second)
        refused = asyncio.get_running_loop().time() - began
        await wire.closed.wait()
        protocol.connection_lost(None)
        return wire.sent, refused

    sent, refused = in_no_time(main())
    assert sent == Refusal.SLOW_BODY.answer
    assert refused == pytest.approx(seconds, abs=1.5)


def test_a_body_of_a_kibibyte_a_second_is_waited_for() -> None:
    async def main() -> bytes:
        protocol, wire = connected()
        protocol.data_received(HEAD)
        left = 1_000_000
        while left:
            await asyncio.sleep(0.9)
            protocol.data_received(b"a" * min(1024, left))
            left -= min(1024, left)
        await asyncio.sleep(1)
        protocol.connection_lost(None)
        return wire.sent

    assert in_no_time(main()).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_silent_connection_is_closed_without_a_word() -> None:
    async def main() -> Any:
        protocol, wire = connected()
        await wire.closed.wait()
        protocol.connection_lost(None)
        return wire.sent, asyncio.get_running_loop().time()

    assert in_no_time(main()) == (b"", pytest.approx(ServerOptions().header_timeout, abs=0.1))


@pytest.mark.parametrize("sent", [b"\r\n", b"GET / HT"])
def test_what_comes_during_an_answer_does_not_cut_it(sent: bytes) -> None:
    """Old clients send a line end behind a body."""

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(300)
        await echo(scope, receive, send)

    async def main() -> Any:
        protocol, wire = connected(slow)
        protocol.data_received(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + sent)
        await asyncio.sleep(299)
        assert not wire.sent
        await wire.closed.wait()
        protocol.connection_lost(None)
        return wire.sent

    answer, _, after = in_no_time(main()).partition(b"GET /slow ")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert after == (Refusal.LATE_HEAD.answer if len(sent) > 2 else b"")


def test_empty_lines_do_not_hold_a_connection() -> None:
    async def main() -> bytes:
        protocol, wire = connected()
        while not wire.is_closing():
            protocol.data_received(b"\r\n")
            await asyncio.sleep(3)
        protocol.connection_lost(None)
        return wire.sent

    assert in_no_time(main()) == b""


def test_an_idle_connection_is_kept_for_a_while() -> None:
    async def main() -> Any:
        protocol, wire = connected()
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await wire.closed.wait()
        protocol.connection_lost(None)
        return wire.sent.endswith(b"GET / "), asyncio.get_running_loop().time()

    assert in_no_time(main()) == (True, pytest.approx(75, abs=0.1))
