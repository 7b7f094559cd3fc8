"""One process that serves: it opens the relay, listens, obeys signals, and drains."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...config.relay.options import RelayOptions
from ...errors import ConfigError
from .drain import drain
from .listener import Listener
from .reloader import Reloader
from .service import Opened, Service

__all__ = ("Plan", "loop_factory", "work")

_log = logging.getLogger("gemstream.relay.server")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker serves.

    ``opened`` opens the relay. ``path`` is watched, and ``load`` reads it; both are None without a
    file. ``prepare`` is called first in each further process, as for its logging. In several
    processes all functions are found by their modules' names.
    """

    opened: Opened
    path: Path | None = None
    load: Callable[[], RelayOptions] | None = None
    prepare: Callable[[], None] | None = None


async def work(
    plan: Plan,
    options: RelayOptions,
    *,
    callers: Sequence[socket.socket],
    operators: Sequence[socket.socket] = (),
    ready: Callable[[], None],
    child: bool = False,
) -> None:
    """Serve on ``callers``, and the admin application on ``operators``, until told to leave.

    SIGTERM drains; SIGINT does without the delay, for nobody balances over a terminal; a second of
    either settles at once; SIGHUP reloads. ``ready`` is called once it serves. ``child``: of a
    supervisor, whose death is as SIGTERM.
    """
    signals = _Signals()
    signals.expect_reload()
    reloader = Reloader(options, path=plan.path, load=plan.load)
    async with plan.opened(options, reloader.reload) as service:
        front = Listener(service, list(callers), options.server)
        listeners = [front, *_admin(service, operators, options)]
        reloader.followers = [service.apply, *(listener.follow for listener in listeners)]
        async with _started(listeners), signals.heard(reloader):
            if child:
                signals.heed_parent()
            ready()
            await signals.leaving.wait()
            now = reloader.options.server
            delay = 0.0 if signals.is_interactive else now.drain_delay
            await drain(service, front, now, signals.hurry, delay=delay)


def _admin(
    service: Service, operators: Sequence[socket.socket], options: RelayOptions
) -> list[Listener]:
    if not operators:
        return []
    if service.admin is None:
        raise ConfigError("admin.token is set, and this relay has nothing to serve to operators")
    return [Listener(service.admin, list(operators), options.server)]


@contextlib.asynccontextmanager
async def _started(listeners: Sequence[Listener]) -> Any:
    async with contextlib.AsyncExitStack() as stack:
        for listener in listeners:
            await listener.start()
            stack.push_async_callback(listener.close)
        yield


class _Signals:
    """What the process was told: to leave, to leave now, to read its file."""

    __slots__ = ("_reloading", "hurry", "is_interactive", "leaving")

    def __init__(self) -> None:
        self.leaving = asyncio.Event()
        self.hurry = asyncio.Event()
        self.is_interactive = False
        self._reloading = asyncio.Event()

    def expect_reload(self) -> None:
        """Keep SIGHUP for later: by itself it would end the process while the relay opens."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reloading.set)

    @contextlib.asynccontextmanager
    async def heard(self, reloader: Reloader) -> Any:
        """Obey signals, and watch the file, inside of the block."""
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGTERM, signal.SIGINT]
        for number in numbers:
            loop.add_signal_handler(number, self._leave, number)
        duties = [
            asyncio.create_task(reloader.watch(), name="relay file"),
            asyncio.create_task(self._obey(reloader), name="relay SIGHUP"),
        ]
        try:
            yield
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
            for number in (*numbers, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def heed_parent(self) -> None:
        """Drain when the process that started this one dies."""
        parent = multiprocessing.parent_process()
        if parent is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(parent.sentinel, self._orphaned, parent.sentinel)

    def _orphaned(self, sentinel: int) -> None:
        asyncio.get_running_loop().remove_reader(sentinel)
        _log.error("the supervisor is gone")
        self._leave(signal.SIGTERM)

    def _leave(self, number: int) -> None:
        if self.leaving.is_set():
            self.hurry.set()
        self.is_interactive = number == signal.SIGINT
        self.leaving.set()

    async def _obey(self, reloader: Reloader) -> None:
        while True:
            await self._reloading.wait()
            self._reloading.clear()
            await reloader.try_reload()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes event loops: uvloop where there is one."""
    try:
        import uvloop
    except ImportError:  # no wheel for this platform; asyncio's own loop does
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
