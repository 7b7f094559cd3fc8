"""Every set of books is held to the same scenes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from conformance.limit_stores import SCENES, Books
from gemstream.limits.memory_store import MemoryStore
from gemstream.limits.redis_store import RedisStore
from gemstream.limits.sqlite_store import SQLiteStore
from gemstream.policy.limit.quota import gate_of
from support.limit_clock import TIME_FROM_A_KEY, TIME_KEY, SetClock
from support.redis_server import RedisAt

Factory = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Books]]


@asynccontextmanager
async def _in_memory(request: pytest.FixtureRequest) -> AsyncIterator[Books]:
    clock = SetClock()

    async def advance(microseconds: int) -> None:
        clock.now += microseconds
        clock.wall += microseconds

    yield Books(MemoryStore(clock), advance)


@asynccontextmanager
async def _in_redis(request: pytest.FixtureRequest) -> AsyncIterator[Books]:
    server: RedisAt = request.getfixturevalue("redis_server")
    clock = SetClock()

    async def advance(microseconds: int) -> None:
        await store.levels([gate_of("a|m")])  # corrections before it are written by then
        clock.now += microseconds
        clock.wall += microseconds
        server.command("SET", TIME_KEY, str(clock.wall))

    server.command("SET", TIME_KEY, str(clock.wall))
    # A scene may let days pass; its own process is alive all the while.
    store = RedisStore(
        server.url, timeout=20, lease=7 * 86400.0, clock=clock, time_source=TIME_FROM_A_KEY
    )
    try:
        yield Books(store, advance)
    finally:
        await store.aclose()


@asynccontextmanager
async def _in_sqlite(request: pytest.FixtureRequest) -> AsyncIterator[Books]:
    clock = SetClock()

    async def advance(microseconds: int) -> None:
        await store.levels([gate_of("a|m")])  # corrections before it are written by then
        clock.now += microseconds
        clock.wall += microseconds

    store = SQLiteStore(
        request.getfixturevalue("tmp_path") / "limits.sqlite3", lease=7 * 86400.0, clock=clock
    )
    try:
        yield Books(store, advance)
    finally:
        await store.aclose()


FACTORIES: dict[str, Factory] = {"memory": _in_memory, "redis": _in_redis, "sqlite": _in_sqlite}


@pytest.mark.parametrize("kind", FACTORIES)
@pytest.mark.parametrize("scene", SCENES)
async def test_books_keep_what_the_scene_says(
    scene: str, kind: str, request: pytest.FixtureRequest
) -> None:
    async with FACTORIES[kind](request) as books:
        await SCENES[scene](books)
