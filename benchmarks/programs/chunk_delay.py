"""p99 of the ms from a chunk's send to its text, with 100 streams of one chunk per 50 ms.

The upstream stamps each chunk with CLOCK_MONOTONIC, which all processes of a machine share.

usage: python -m benchmarks.programs.chunk_delay PORT CLIENT STREAMS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import aclosing

import uvloop

from .clients import CLIENTS, Client

__all__ = ("main",)

_STAGGER = 0.0105  # seconds between two starts, off the beat of the chunks


async def _delays(client: Client, number: int) -> list[float]:
    await asyncio.sleep(number * _STAGGER)
    delays = []
    async for text in client.texts("Count to ten"):
        delays.append((time.monotonic_ns() - int(text.partition(" ")[0])) / 1e6)
    return delays


async def _measure(port: int, name: str, streams: int) -> float:
    client = CLIENTS[name](f"http://127.0.0.1:{port}")
    async with aclosing(client.texts("Count to ten")) as texts:
        await anext(texts)  # imports, caches, the first connection
    found = await asyncio.gather(*[_delays(client, number) for number in range(streams)])
    await client.aclose()
    ordered = sorted(delay for delays in found for delay in delays)
    return ordered[len(ordered) * 99 // 100]


def main() -> None:
    """Print the measurement as one JSON object."""
    port, name, streams = sys.argv[1:]
    print(json.dumps({"value": uvloop.run(_measure(int(port), name, int(streams)))}))


if __name__ == "__main__":
    main()
