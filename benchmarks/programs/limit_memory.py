"""CPU µs of the limiter in memory: of one request that need not wait, and of many that do.

usage: python -m benchmarks.programs.limit_memory CASE

gemstream: a lane's reserve, stamp and settle, of requests, tokens and a day. limits: three hits of
that library's moving window. Both let a thousand in for each new name. waiters-N: N at once, ten
of which may run; the time of all.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

__all__ = ("main",)

_NAMES = 20
_REQUESTS = 1000
_RUNNING = 10


async def _gemstream() -> float:
    from gemstream.config.limits import Limits
    from gemstream.limits.ask import Ask
    from gemstream.limits.lanes import Lanes
    from gemstream.limits.memory_store import MemoryStore
    from gemstream.policy.limit.claim import Spent

    lanes = Lanes(MemoryStore())
    ask = Ask(limits=Limits(rpm=10**6, tpm=10**9, rpd=10**6), tokens=100)
    spent = Spent(requests=1, tokens=50)
    began = time.process_time()
    for number in range(_NAMES):
        scope = f"account|model-{number}"
        for _ in range(_REQUESTS):
            reservation = await lanes.of(scope).reserve(ask)
            reservation.stamp()
            reservation.settle(spent)
    return (time.process_time() - began) / (_NAMES * _REQUESTS)


async def _limits() -> float:
    from limits.storage import MemoryStorage
    from limits.strategies import MovingWindowRateLimiter

    from limits import parse

    limiter = MovingWindowRateLimiter(MemoryStorage())
    requests, tokens, day = (
        parse(of) for of in ("1000000/minute", "1000000000/minute", "1000000/day")
    )
    began = time.process_time()
    for number in range(_NAMES):
        scope = f"model-{number}"
        for _ in range(_REQUESTS):
            assert limiter.hit(requests, "account", scope, "requests")
            assert limiter.hit(tokens, "account", scope, "tokens")
            assert limiter.hit(day, "account", scope, "day")
    return (time.process_time() - began) / (_NAMES * _REQUESTS)


async def _waiters(number: int) -> float:
    from gemstream.config.limits import Limits
    from gemstream.limits.ask import Ask
    from gemstream.limits.lanes import Lanes
    from gemstream.limits.memory_store import MemoryStore
    from gemstream.policy.limit.claim import Spent

    lane = Lanes(MemoryStore()).of("account|model")
    ask = Ask(limits=Limits(concurrency=_RUNNING))

    async def one() -> None:
        reservation = await lane.reserve(ask)
        await asyncio.sleep(0)  # it runs
        reservation.settle(Spent(requests=1))

    began = time.process_time()
    await asyncio.gather(*[one() for _ in range(number)])
    return time.process_time() - began


def main() -> None:
    """Print the measurement as one JSON object."""
    case, _, number = sys.argv[1].partition("-")
    cases = {"gemstream": _gemstream, "limits": _limits}
    took = asyncio.run(_waiters(int(number)) if number else cases[case]())
    print(json.dumps({"value": took * 1e6}))


if __name__ == "__main__":
    main()
