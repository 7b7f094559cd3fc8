"""Limits: reservations, and those who wait for one."""

from __future__ import annotations

from ..harness import Bar, Measure
from ..processes import measured

__all__ = ("LIMITS",)

_QUEUED = 500
_RPM = 60
_QUEUE_SCALE = 30  # eight minutes take sixteen seconds
# The first minute's allowance goes at once, so the last calls begin after eight minutes more.
_QUEUE_IDEAL = (_QUEUED - 1) // _RPM * 60.0


def _limit_queue(_: int) -> float:
    return measured("limit_queue", _QUEUED, _RPM, 2, _QUEUE_SCALE)


def _limit_redis(case: str) -> Measure:
    return lambda _: measured("limit_redis", case)


def _limit_memory(case: str) -> Measure:
    return lambda _: measured("limit_memory", case)


LIMITS = (
    Bar(
        name="limit-queue",
        about="500 calls at 60 a minute and 2 at once, none refused by a log that enforces it",
        unit="s",
        rival="the ideal",
        measure_ours=_limit_queue,
        measure_rival=lambda _: _QUEUE_IDEAL,
        limit=1.03,
    ),
    Bar(
        name="limit-redis",
        about="a request through five limits in Redis, settled: 32 callers at once",
        unit="µs/request",
        rival="a bare EVALSHA that looks at as many keys",
        measure_ours=_limit_redis("gemstream"),
        measure_rival=_limit_redis("evalsha"),
        limit=1 / 0.6,
    ),
    Bar(
        name="limit-memory",
        about="a request through three limits in memory, stamped and settled; nobody waits",
        unit="µs/request",
        rival="three hits of the library limits",
        measure_ours=_limit_memory("gemstream"),
        measure_rival=_limit_memory("limits"),
        limit=1.0,
    ),
    Bar(
        name="limit-waiters",
        about="10,000 who wait in one lane, all of them let through",
        unit="µs",
        rival="the same with 1,000",
        measure_ours=_limit_memory("waiters-10000"),
        measure_rival=_limit_memory("waiters-1000"),
        limit=15.0,
    ),
)
