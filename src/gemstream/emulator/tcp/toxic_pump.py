"""Bytes between the two sockets of a connection, held, slowed and broken by its toxics."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence

from .framing import PlaceFinder
from .toxics import Bandwidth, Break, Cut, Latency, SlowClose, Toxic

__all__ = ("Pump", "Side", "Sleep", "first_break")

_READ = 64 * 1024
_TICKS = 20  # a second of limited bandwidth comes in so many pieces
Sleep = Callable[[float], Awaitable[None]]


class Side:
    """One of the two sockets of a connection."""

    __slots__ = ("_writer", "reader")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=0)  # so that drain means: all is sent

    async def send(self, data: bytes) -> None:
        """Return when the kernel has ``data``."""
        self._writer.write(data)
        await self._writer.drain()

    async def end(self) -> None:
        """Send a FIN behind what was sent."""
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def read_away(self) -> None:
        """Read until the other end closes."""
        while await self.reader.read(_READ):
            pass

    def reset(self) -> None:
        """Send an RST (``SO_LINGER`` 0)."""
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()


class Pump:
    """Bytes one way, through the toxics of that way; ``seed`` is of what varies by the read."""

    __slots__ = ("_breaks", "_chance", "_from", "_reads", "_sleep", "_to", "_toxics")

    def __init__(
        self, source: Side, target: Side, toxics: Sequence[Toxic], seed: str, sleep: Sleep
    ) -> None:
        self._from = source
        self._to = target
        self._toxics = toxics
        self._breaks = [_Breaker(toxic) for toxic in toxics if isinstance(toxic, Break)]
        self._chance = random.Random(seed)
        self._sleep = sleep
        self._reads = 0

    async def run(self) -> Break | None:
        """Pass everything up to the end, or up to a break, which is returned."""
        while data := await self._from.reader.read(_READ):
            await self._hold()
            for piece in self._pieces(data):
                broken = await self._pass(piece)
                if broken is not None:
                    return broken
        for toxic in self._toxics:
            if isinstance(toxic, SlowClose):
                await self._sleep(toxic.ms / 1000)
        await self._to.end()
        return None

    async def _hold(self) -> None:
        self._reads += 1
        for toxic in self._toxics:
            if isinstance(toxic, Latency):
                ms = toxic.ms + self._chance.uniform(-toxic.jitter, toxic.jitter)
                if ms > 0 and (toxic.reads is None or self._reads <= toxic.reads):
                    await self._sleep(ms / 1000)

    def _pieces(self, data: bytes) -> list[bytes]:
        rate = self._rate()
        size = len(data) if rate is None else max(1, rate // _TICKS)
        return [data[start : start + size] for start in range(0, len(data), size)]

    def _rate(self) -> int | None:
        return min((one.rate for one in self._toxics if isinstance(one, Bandwidth)), default=None)

    async def _pass(self, piece: bytes) -> Break | None:
        rate = self._rate()
        if rate is not None:
            await self._sleep(len(piece) / rate)
        found = [
            (room, one.toxic) for one in self._breaks if (room := one.receive(piece)) is not None
        ]
        if not found:
            await self._to.send(piece)
            return None
        room, toxic = min(found, key=lambda pair: pair[0])
        if room:
            await self._to.send(piece[:room])
        return toxic


class _Breaker:
    """Counts or reads what passes until its break has come."""

    __slots__ = ("_finder", "_left", "toxic")

    def __init__(self, toxic: Break) -> None:
        self.toxic = toxic
        self._left = toxic.at or 0
        place = toxic.place if isinstance(toxic, Cut) else None
        self._finder = PlaceFinder(place, toxic.chunk) if isinstance(toxic, Cut) and place else None

    def receive(self, data: bytes) -> int | None:
        """Return how many bytes of ``data`` still pass; None when all do and more."""
        if self._finder is not None:
            return self._finder.receive_data(data)
        left, self._left = self._left, self._left - len(data)
        return left if self._left <= 0 else None


async def first_break(*pumps: Pump) -> Break | None:
    """Run both ways; return what broke one of them, None when both came to their end.

    Raises OSError when a side is gone. Nothing runs on when it returns or is cancelled.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(pump.run(), name="chaos pump") for pump in pumps]
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            broken = [result for task in done if (result := task.result()) is not None]
            if broken:
                return broken[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return None
