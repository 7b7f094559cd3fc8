"""CPU µs of one more chunk in a transport alone: what stands between the socket and its reader.

Of long and of short answers, 20 at a time, it takes the slope, so the request is left out.

usage: python -m benchmarks.programs.transport_cpu PORT aiohttp|http1 ROUNDS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable

import uvloop

from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.http1_transport import HTTP1Transport
from gemstream.net.transport import Deadlines, HTTPRequest, Transport

__all__ = ("main",)

_CONCURRENCY = 20
_SHORT, _LONG = 5, 200
_TRANSPORTS: dict[str, Callable[[], Transport]] = {
    "aiohttp": AiohttpTransport,
    "http1": HTTP1Transport,
}
_BODY = '{{"contents":[{{"parts":[{{"text":"chunks={} delay=0.002"}}]}}]}}'


async def _read(transport: Transport, url: str, chunks: int) -> None:
    headers = {"accept-encoding": "identity", "x-goog-api-key": "benchmark-key"}
    request = HTTPRequest("POST", url, headers, _BODY.format(chunks).encode())
    total = asyncio.get_running_loop().time() + 600
    deadlines = Deadlines(connect=5, first_chunk=300, idle=120, total=total, total_seconds=600)
    exchange = await transport.open(request, deadlines)
    while await exchange.receive():
        exchange.began()
    exchange.abort()


async def _per_answer(transport: Transport, url: str, chunks: int, rounds: int) -> float:
    began = time.process_time()
    for _ in range(rounds):
        await asyncio.gather(*[_read(transport, url, chunks) for _ in range(_CONCURRENCY)])
    return (time.process_time() - began) / rounds / _CONCURRENCY


async def _measure(port: int, name: str, rounds: int) -> float:
    transport = _TRANSPORTS[name]()
    url = f"http://127.0.0.1:{port}/v1beta/models/m:streamGenerateContent?alt=sse"
    await _per_answer(transport, url, _SHORT, 2)  # imports, the first connections
    short = await _per_answer(transport, url, _SHORT, rounds)
    long = await _per_answer(transport, url, _LONG, rounds)
    await transport.aclose()
    return (long - short) / (_LONG - _SHORT) * 1e6


def main() -> None:
    """Print the measurement as one JSON object."""
    port, name, rounds = sys.argv[1:]
    print(json.dumps({"value": uvloop.run(_measure(int(port), name, int(rounds)))}))


if __name__ == "__main__":
    main()
