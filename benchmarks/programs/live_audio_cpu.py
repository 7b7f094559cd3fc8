"""CPU µs per message of speech received in Live sessions, to the bytes of its sound.

usage: python -m benchmarks.programs.live_audio_cpu PORT CLIENT SESSIONS TURNS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack

import uvloop

from .live_clients import LIVE_CLIENTS, LiveClient

__all__ = ("main",)


async def _hear(client: LiveClient, sessions: int, turns: int) -> tuple[int, float]:
    """Return how many messages came in sessions side by side, and the CPU seconds for them."""
    async with AsyncExitStack() as stack:
        talkers = [await stack.enter_async_context(client.session()) for _ in range(sessions)]
        await asyncio.gather(*[talker.hear_turn() for talker in talkers])  # imports, caches
        began = time.process_time()
        count = 0
        for _ in range(turns):
            count += sum(await asyncio.gather(*[talker.hear_turn() for talker in talkers]))
        return count, time.process_time() - began


async def _measure(port: int, name: str, sessions: int, turns: int) -> float:
    client = LIVE_CLIENTS[name](f"http://127.0.0.1:{port}")
    count, used = await _hear(client, sessions, turns)
    await client.aclose()
    return used / count * 1e6


def main() -> None:
    """Print the measurement as one JSON object."""
    port, name, sessions, turns = sys.argv[1:]
    value = uvloop.run(_measure(int(port), name, int(sessions), int(turns)))
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
