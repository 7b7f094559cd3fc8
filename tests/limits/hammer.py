"""Asks for one limit in Redis as often as it can, and logs what was let in by the server's clock.

usage: python hammer.py URL AMOUNT PERIOD LOG

Says when it is connected, and is then told when to begin and to end; all times in microseconds.
The moment is read between the reservation and its stamp, as the service's own count would be.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from gemstream.limits.redis_store import RedisStore
from gemstream.policy.limit.claim import Claim, Kind, Limit, Refused, Spent

CLIENTS = 2


async def _server_time(redis: Any) -> int:
    seconds, microseconds = await redis.time()
    return int(seconds) * 1_000_000 + int(microseconds)


async def _hammer(
    store: RedisStore, redis: Any, claims: tuple[Claim, ...], begin: int, end: int
) -> list[int]:
    admitted: list[int] = []
    now = await _server_time(redis)
    await asyncio.sleep(max(0, begin - now) / 1e6)
    while now < end:
        name = store.new_name()
        verdict = await store.reserve(name, claims)
        assert not isinstance(verdict, Refused)
        now = await _server_time(redis)
        if verdict is None:
            admitted.append(now)
            store.settle(name, claims, Spent(requests=1))
        elif verdict.until is None:
            await asyncio.sleep(0.002)
        else:
            left = store.seconds(verdict.until - store.moment().now)
            await asyncio.sleep(min(left, (end - now) / 1e6 + 0.001))
    return admitted


async def main(url: str, amount: int, period: int) -> list[int]:
    claims = (Claim("account|model|rpm", "rpm", Limit(Kind.WINDOW, amount, period)),)
    stores = [RedisStore(url, timeout=20, connect_timeout=20) for _ in range(CLIENTS)]
    async with Redis.from_url(url) as redis:
        for store in stores:
            await store.levels(claims)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        begin, end = map(int, (await asyncio.to_thread(sys.stdin.readline)).split())
        hammers = (_hammer(store, redis, claims, begin, end) for store in stores)
        admitted = await asyncio.gather(*hammers)
    for store in stores:
        await store.aclose()
    return [moment for client in admitted for moment in client]


found = asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
Path(sys.argv[4]).write_text("".join(f"{moment}\n" for moment in found), encoding="ascii")
