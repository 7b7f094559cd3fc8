"""One process that serves: two listeners, signals, and a reload that somebody asks for."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.options import KeyOptions, RelayOptions, ServerOptions
from gemstream.errors import ConfigError
from gemstream.relay.server.address import bind
from gemstream.relay.server.reloader import Reloader
from gemstream.relay.server.service import ASGIApplication, Reload, Service
from gemstream.relay.server.supervisor import supervise
from gemstream.relay.server.worker import Plan, work
from relay.server.served import GUARD, called, echo

OPTIONS = RelayOptions(server=ServerOptions(drain_delay=0, grace=60))
FRESH = msgspec.structs.replace(OPTIONS, keys=(KeyOptions(name="new", key="a" * 24),))
GET = b"GET /y HTTP/1.1\r\nHost: a\r\n\r\n"


class Bell:
    """A service whose operators can ring for a reload; it notes what becomes of it."""

    def __init__(self, reload: Reload, *, has_admin: bool = True) -> None:
        self.told: list[Any] = []
        self.admin: ASGIApplication | None = self._ring if has_admin else None
        self._reload = reload

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        return echo(scope, receive, send)

    async def _ring(self, scope: Any, receive: Any, send: Any) -> None:
        await self._reload()
        await echo(scope, receive, send)

    async def apply(self, options: RelayOptions) -> None:
        self.told.append(options)

    def begin_drain(self) -> None:
        self.told.append("drain")

    async def cut(self) -> None:
        self.told.append("cut")

    async def flush(self) -> None:
        self.told.append("flush")


def listening() -> tuple[socket.socket, int]:
    found = bind("127.0.0.1", 0)
    return found, found.getsockname()[1]


async def test_it_serves_callers_and_operators_until_it_is_told_to_leave() -> None:
    services: list[Bell] = []

    @asynccontextmanager
    async def opened(options: RelayOptions, reload: Reload) -> AsyncIterator[Service]:
        services.append(Bell(reload))
        yield services[0]
        services[0].told.append("closed")

    (callers, port), (operators, admin_port) = listening(), listening()
    serving = asyncio.Event()
    working = asyncio.create_task(
        work(
            Plan(opened=opened, load=lambda: FRESH),
            OPTIONS,
            callers=[callers],
            operators=[operators],
            ready=serving.set,
        )
    )
    async with asyncio.timeout(GUARD):
        await serving.wait()
        for there in (port, admin_port):
            async with called(there) as caller:
                await caller.send(GET)
                assert (await caller.head()).startswith(b"HTTP/1.1 200 ")
        os.kill(os.getpid(), signal.SIGTERM)
        await working
    assert services[0].told == [FRESH, "drain", "flush", "closed"]
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_operators_without_an_application_are_not_kept_waiting() -> None:
    @asynccontextmanager
    async def opened(options: RelayOptions, reload: Reload) -> AsyncIterator[Service]:
        yield Bell(reload, has_admin=False)

    (callers, _), (operators, _) = listening(), listening()
    with callers, operators, pytest.raises(ConfigError, match="nothing to serve to operators"):
        await work(
            Plan(opened=opened),
            OPTIONS,
            callers=[callers],
            operators=[operators],
            ready=lambda: None,
        )


def test_what_cannot_be_sent_to_another_process_is_told() -> None:
    plan = Plan(opened=lambda options, reload: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ConfigError, match="runs in one process only"):
        supervise(plan, OPTIONS, callers=[], operators=[], ready=lambda: None)


async def test_without_a_file_there_is_nothing_to_reload() -> None:
    with pytest.raises(ConfigError, match="has no file"):
        await Reloader(OPTIONS, path=None, load=None).reload()


async def test_a_file_that_fails_is_raised_logged_and_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def load() -> RelayOptions:
        raise ConfigError("relay.toml:3: no")

    reloader = Reloader(OPTIONS, path=None, load=load)
    told: list[RelayOptions] = []

    async def follow(options: RelayOptions) -> None:
        told.append(options)

    reloader.followers = [follow]
    with pytest.raises(ConfigError, match=r"relay.toml:3: no"):
        await reloader.reload()
    await reloader.try_reload()
    assert (reloader.options, told) == (OPTIONS, [])
    assert caplog.text.count("the configuration stays as it was: relay.toml:3: no") == 2


@pytest.mark.parametrize(
    ("host", "port", "word"),
    [("127.0.0.1", 65536, "65536"), ("no.such.host.invalid", 0, "no.such"), ("a\0", 0, "listen")],
)
def test_a_port_that_cannot_be_had_is_told(host: str, port: int, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        bind(host, port)


def test_a_port_in_use_is_told() -> None:
    taken, port = listening()
    with taken, pytest.raises(ConfigError, match=rf"{port}: .* in use; choose another port"):
        bind("127.0.0.1", port)


async def test_a_file_that_is_replaced_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text("a")
    reloader = Reloader(OPTIONS, path=file, load=lambda: FRESH)
    followed = asyncio.Event()

    async def follow(options: RelayOptions) -> None:
        followed.set()

    reloader.followers = [follow]
    watching = asyncio.create_task(reloader.watch())
    file.unlink()
    (tmp_path / "other").write_text("bb")
    (tmp_path / "other").replace(file)
    async with asyncio.timeout(GUARD):
        await followed.wait()
    watching.cancel()
    assert reloader.options == FRESH
