"""Holds the one slot of a limit in Redis until it is killed.

usage: python holder.py URL LEASE
"""

from __future__ import annotations

import asyncio
import sys

from gemstream.config.limits import Limits
from gemstream.limits.redis_store import RedisStore
from gemstream.policy.limit.quota import ScopeClaims


async def main() -> None:
    store = RedisStore(sys.argv[1], timeout=20, lease=float(sys.argv[2]))
    claims = ScopeClaims("account|model", Limits(concurrency=1)).of(1)
    assert await store.reserve(store.new_name(), claims) is None
    sys.stdout.write("held\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main())
