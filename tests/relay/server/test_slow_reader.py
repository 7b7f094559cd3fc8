"""A caller who does not read: what it holds is bounded, and in the end it is left."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from gemstream.emulator import Emulator, Rule, Script
from gemstream.relay.server.standstill import STANDSTILL_SECONDS
from relay.server.served import GUARD, Caller, listening
from relay.server.wired import Wire, connected
from support.clock import in_no_time
from support.relay_callers import CALLERS
from support.relay_callers import Caller as Dialect
from support.relayed import relayed
from support.turns import let_run

ASK = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
_HIGH_WATER = 64 * 1024


class FullWire(Wire):
    """A socket that takes nothing unless ``take`` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.protocol: Any = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.protocol is not None
        self.waiting += len(data)
        if self.waiting > _HIGH_WATER:
            self.protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def take(self, size: int) -> None:
        self.waiting -= min(size, self.waiting)
        if self.waiting <= _HIGH_WATER // 4 and self.protocol.flow.write_paused:
            self.protocol.resume_writing()


class Pouring:
    """An application that writes without end, or ``size`` bytes."""

    def __init__(self, size: int | None = None) -> None:
        self.left = size
        self.wrote = 0
        self.was_told = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        watching = asyncio.create_task(self._watch(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not self.was_told.is_set() and (self.left is None or self.left > 0):
            if self.left is not None:
                self.left -= 10_000
            await send({"type": "http.response.body", "body": b"a" * 10_000, "more_body": True})
            self.wrote += 10_000
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        watching.cancel()

    async def _watch(self, receive: Any) -> None:
        message: MutableMapping[str, Any] = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()
        self.was_told.set()


def poured(size: int | None, taken: int, seconds: float) -> tuple[Pouring, float | None]:
    """Return the application, and when its connection was broken off, if it was.

    ``taken``: bytes that the caller reads in every ten seconds, of ``seconds`` in all.
    """

    async def main() -> tuple[Pouring, float | None]:
        app, loop = Pouring(size), asyncio.get_running_loop()
        wire = FullWire()
        protocol, _ = connected(app, wire)
        wire.protocol = protocol
        protocol.data_received(ASK)
        ended: float | None = None
        while loop.time() < seconds and ended is None:
            await asyncio.sleep(10)
            wire.take(taken)
            if wire.closed.is_set():
                ended = loop.time()
        protocol.connection_lost(None)
        await asyncio.sleep(1)
        return app, ended

    return in_no_time(main())


def test_who_reads_nothing_is_left_after_a_minute_and_holds_little() -> None:
    app, ended = poured(None, taken=0, seconds=3600)
    assert ended == pytest.approx(STANDSTILL_SECONDS, abs=10)
    assert app.wrote <= _HIGH_WATER + 20_000
    assert app.was_told.is_set()


def test_who_reads_a_little_is_waited_for() -> None:
    app, ended = poured(None, taken=1, seconds=3600)
    assert ended is None
    app, ended = poured(None, taken=100_000, seconds=3600)
    assert ended is None and app.wrote > 10**7


@pytest.mark.parametrize("size", [30_000, 100_000])
def test_who_leaves_the_end_of_an_answer_unread_is_left_too(size: int) -> None:
    _, ended = poured(size, taken=0, seconds=3600)
    assert ended is not None and ended <= 150
    _, ended = poured(size, taken=20_000, seconds=60)
    assert ended is None


async def test_over_a_socket_the_application_waits_for_its_caller() -> None:
    app = Pouring()
    async with listening(app) as (listener, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        caller = Caller(reader, writer)
        await caller.send(ASK)
        await caller.head()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        (connection,) = listener._server.server_state.connections
        async with asyncio.timeout(GUARD):
            while not connection.flow.write_paused:  # noqa: ASYNC110  # of this nobody tells
                await asyncio.sleep(0.001)
        assert app.wrote < 64 * 1024 * 1024
        writer.transport.abort()
        await app.was_told.wait()


class Counting:
    """An emulator of which is known how much it has handed over."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.handed = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def counting(message: Any) -> None:
            await send(message)
            self.handed += bool(message.get("body"))

        await self._emulator(scope, receive, counting)


STREAMS = {name: caller for name, caller in CALLERS.items() if caller.is_stream}


@pytest.mark.parametrize("caller", STREAMS.values(), ids=STREAMS)
async def test_the_upstream_waits_for_the_caller(tmp_path: Path, caller: Dialect) -> None:
    """However long the caller waits, the service is no more than a few chunks ahead."""
    upstream = Counting(Emulator(Script([Rule(steps=[f"word {n} " for n in range(100)])])))
    async with relayed(tmp_path, upstream) as house:
        exchange = await house.open(caller.path, caller.body)
        for read in range(1, 60):
            assert await exchange.receive()
            await let_run(60)
            assert upstream.handed <= read + 4
        assert upstream.handed >= 50
        await exchange.aclose()
