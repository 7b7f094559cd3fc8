"""CPU µs per streamed chunk: the whole process's, over many answers, 20 at a time.

usage: python -m benchmarks.programs.chunk_cpu PORT CLIENT STREAMS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop

from .clients import CLIENTS

__all__ = ("main",)

_CONCURRENCY = 20
_PROMPT = "Count to ten"


async def _measure(port: int, name: str, streams: int) -> float:
    client = CLIENTS[name](f"http://127.0.0.1:{port}")
    gate = asyncio.Semaphore(_CONCURRENCY)

    async def one() -> int:
        async with gate:
            return await client.count(_PROMPT)

    await one()  # imports, caches, the first connection
    began = time.process_time()
    counts = await asyncio.gather(*[one() for _ in range(streams)])
    used = time.process_time() - began
    await client.aclose()
    return used / sum(counts) * 1e6


def main() -> None:
    """Print the measurement as one JSON object."""
    port, name, streams = sys.argv[1:]
    print(json.dumps({"value": uvloop.run(_measure(int(port), name, int(streams)))}))


if __name__ == "__main__":
    main()
