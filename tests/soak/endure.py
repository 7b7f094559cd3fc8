"""Asks for streams without end: ``python tests/soak/endure.py WAY URL SECONDS SEED``.

200 streams at once, each meeting a random fault of the table or left in a random manner, in rounds;
between them nothing runs and memory is sampled. A process of its own, so that its memory is the
client's alone. Says its findings as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from gemstream import AsyncClient, RetryPolicy
from gemstream.emulator import Emulator
from gemstream.testing.leaks import LeakCheck
from support.fault_table import ROWS_BY_NAME
from support.memory import Sample, resident
from support.service import KEY
from support.ways import LARGEST, WAYS, outcome

AT_ONCE = 200
ROUND_SECONDS = 5.0
PLAIN = "Count to 40"
# What the emulator closes between two streams is tried again, as for any user; no fault passes.
FREE = RetryPolicy(base=0, throttled_base=0, cost=0, throttled_cost=0)


async def _breaks_off(client: AsyncClient) -> None:
    async for _ in client.generate_stream(PLAIN):
        break


async def _leaves_the_block(client: AsyncClient) -> None:
    async with client.generate_stream(PLAIN) as stream:
        await anext(stream)


async def _cancels(client: AsyncClient) -> None:
    stream = client.generate_stream(PLAIN)
    await anext(stream)
    stream.cancel()


async def _is_cancelled(client: AsyncClient) -> None:
    reading = asyncio.ensure_future(client.generate_stream(PLAIN).finish())
    await asyncio.sleep(0.005)
    reading.cancel()
    await asyncio.wait([reading])


async def _reads_all(client: AsyncClient) -> None:
    assert (await client.generate_stream(PLAIN).finish()).text.startswith("1, 2")


MANNERS: list[Callable[[AsyncClient], Awaitable[None]]] = [
    _breaks_off,
    _leaves_the_block,
    _cancels,
    _is_cancelled,
    _reads_all,
]


class Endurance:
    """One client, and what was found of it."""

    def __init__(self, client: AsyncClient, way: str) -> None:
        self._client = client
        self._way = way
        self._rows = [  # all streams share one connection over HTTP/2
            (name, row) for name, row in ROWS_BY_NAME.items() if not row.breaks_others(way)
        ]
        self.streams: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()

    async def run(self, until: float, chance: Random) -> None:
        """Ask for one stream after another: a fault, or a manner to leave one."""
        while time.monotonic() < until:
            place = chance.randrange(len(self._rows) + len(MANNERS))
            if place < len(self._rows):
                await self._meet(*self._rows[place])
            else:
                manner = MANNERS[place - len(self._rows)]
                self.streams[manner.__name__] += 1
                await manner(self._client)

    async def _meet(self, name: str, row: Any) -> None:
        stream = self._client.generate_stream(name, timeouts=row.timeouts_of("stream"))
        met = await outcome(stream.finish)
        self.streams[name] += 1
        if met != row.met("stream", self._way):
            self.wrong[f"{name}: {met}"] += 1


async def endure(way: str, url: str, seconds: float, seed: str) -> dict[str, Any]:
    """Return what was found in so many seconds."""
    leaks, timers = LeakCheck(), _timers()
    transport = WAYS[way].transport(Emulator())
    client = AsyncClient(KEY, base_url=url, transport=transport, retry=FREE, max_event_size=LARGEST)
    endurance = Endurance(client, way)
    began = time.monotonic()
    samples: list[Sample] = []
    while (now := time.monotonic() - began) < seconds:
        until = began + now + min(ROUND_SECONDS, seconds / 20)
        chances = [Random(f"{seed}|{len(samples)}|{number}") for number in range(AT_ONCE)]
        await asyncio.gather(*(endurance.run(until, chance) for chance in chances))
        samples.append(Sample(time.monotonic() - began, resident()))
    await client.aclose()
    await transport.aclose()
    left = await asyncio.to_thread(leaks.leaks)
    return {
        "samples": samples,
        "streams": endurance.streams,
        "wrong": endurance.wrong,
        "leaks": left,
        "timers": _timers() - timers,
    }


def _timers() -> int:
    """Count the timers that will fire; a cancelled one stays in the heap for a while."""
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not timer.cancelled() for timer in scheduled)


def main() -> None:
    """Say what was found."""
    logging.getLogger("gemstream").addHandler(logging.NullHandler())  # every retry is told there
    way, url, seconds, seed = sys.argv[1:]
    found = asyncio.run(endure(way, url, float(seconds), seed))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
