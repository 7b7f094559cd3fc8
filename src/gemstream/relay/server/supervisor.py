"""Several processes behind one socket: started, started again, told to leave.

The socket is bound once, so a worker that dies leaves no caller refused: the others accept. The
port of operators is the first worker's alone, for what it shows and changes lives in a worker; who
starts in its place takes it over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import socket
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import NoReturn

from ...config.relay.options import RelayOptions
from ...errors import ConfigError, GemstreamError
from .reloader import Reloader
from .worker import Plan, loop_factory, work

__all__ = ("supervise",)

_log = logging.getLogger("gemstream.relay.server")

# spawn and not fork: a fork would copy locks and event loops in whatever state they are.
_SPAWN = multiprocessing.get_context("spawn")
# A worker that dies at once again and again must not keep the machine busy.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
# A worker that served for so long had no trouble with starting.
_SETTLED_SECONDS = 60.0
_EXIT_FAILED = 1


def supervise(
    plan: Plan,
    options: RelayOptions,
    *,
    callers: Sequence[socket.socket],
    operators: Sequence[socket.socket],
    ready: Callable[[], None],
) -> None:
    """Serve with ``options.server.workers`` processes until a signal ends it; blocks.

    ``ready`` is called when all of them serve. Raises what the first start of a worker raises, and
    ConfigError for a plan that another process cannot import.
    """
    try:
        pickle.dumps(plan)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(f"this relay runs in one process only: {error}") from error
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        house = _House(plan, options, callers, operators)
        runner.run(house.run(ready))


class _Place:
    """One worker's place: the process in it changes when one dies."""

    __slots__ = ("began", "is_serving", "number", "pause", "pipe", "process")

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: SpawnProcess | None = None
        self.pipe: Connection | None = None  # what the worker says when it serves, or cannot
        self.is_serving = False
        self.began = 0.0
        self.pause = _FIRST_PAUSE


class _House:
    """The supervisor: it owns the sockets and the workers, and serves nobody itself."""

    def __init__(
        self,
        plan: Plan,
        options: RelayOptions,
        callers: Sequence[socket.socket],
        operators: Sequence[socket.socket],
    ) -> None:
        self._plan = plan
        self._callers = list(callers)
        self._operators = list(operators)
        self._places = [_Place(number) for number in range(options.server.workers)]
        # A worker that starts later gets what holds by then, also when the file is bad just now.
        self._reloader = Reloader(options, path=plan.path, load=plan.load)
        self._leaving = asyncio.Event()

    @property
    def _is_leaving(self) -> bool:
        return self._leaving.is_set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Start all, announce, and stay until the last is gone."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._forward, number)
        watching = asyncio.create_task(self._reloader.watch(), name="relay file")
        try:
            await self._start_all()
            if not self._is_leaving:
                ready()
            async with asyncio.TaskGroup() as group:
                for place in self._places:
                    group.create_task(self._keep(place), name=f"relay worker {place.number}")
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            self._kill()

    async def _start_all(self) -> None:
        for place in self._places:
            self._start(place)
        for place in self._places:
            await self._serving(place)

    def _start(self, place: _Place) -> None:
        here, there = _SPAWN.Pipe(duplex=False)
        place.is_serving = False
        operators = self._operators if place.number == 0 else []
        place.process = _SPAWN.Process(
            target=_work,
            args=(self._plan, self._reloader.options, self._callers, operators, there),
            name=f"gemstream relay worker {place.number}",
        )
        place.process.start()
        there.close()
        place.pipe = here
        place.began = asyncio.get_running_loop().time()

    async def _serving(self, place: _Place) -> None:
        """Return when the worker serves; raises why it cannot."""
        assert place.pipe is not None, "the place has been started"
        pipe, place.pipe = place.pipe, None
        await _readable(pipe.fileno())
        try:
            said = pipe.recv()
        except EOFError:
            said = None if self._is_leaving else GemstreamError("a worker died while it started")
        finally:
            pipe.close()
        if said is not None:
            raise said
        place.is_serving = True

    async def _keep(self, place: _Place) -> None:
        """Start the place's worker again whenever it dies, until all are to leave."""
        while place.process is not None:
            await _readable(place.process.sentinel)
            place.process.join()
            if self._is_leaving:
                return
            lived = asyncio.get_running_loop().time() - place.began
            code = place.process.exitcode
            if lived > _SETTLED_SECONDS:
                place.pause = _FIRST_PAUSE
            _log.error(
                "worker %d ended with %s and is started again in %g s",
                place.number,
                f"signal {-code}" if code is not None and code < 0 else f"code {code}",
                place.pause,
            )
            await self._pause(place.pause)
            place.pause = min(2 * place.pause, _LONGEST_PAUSE)
            if not self._is_leaving:
                await self._start_again(place)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when all are to leave."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()

    async def _start_again(self, place: _Place) -> None:
        self._start(place)
        try:
            await self._serving(place)
        except GemstreamError as error:
            _log.error("worker %d cannot start: %s", place.number, error)

    def _forward(self, number: signal.Signals) -> None:
        """Pass a signal on; with the first that ends us, our copy of the sockets is closed."""
        if number == signal.SIGHUP:
            self._tell(number)
            return
        if not self._is_leaving:
            self._leaving.set()
            for listening in (*self._callers, *self._operators):
                listening.close()
        self._tell(number)

    def _tell(self, number: signal.Signals) -> None:
        for place in self._places:
            # SIGHUP would end a worker that still starts; what it starts with is new anyway.
            is_meant = place.is_serving or number != signal.SIGHUP
            process = place.process
            if is_meant and process is not None and process.is_alive() and process.pid:
                os.kill(process.pid, number)

    def _kill(self) -> None:
        """Leave nobody behind when we end by an error."""
        for place in self._places:
            if place.process is not None and place.process.is_alive():
                place.process.kill()
                place.process.join()


async def _readable(descriptor: int) -> None:
    """Return once there is something to read, or the other end is gone; safe to cancel."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_reader(descriptor, told.set)
    try:
        await told.wait()
    finally:
        loop.remove_reader(descriptor)


def _work(
    plan: Plan,
    options: RelayOptions,
    callers: list[socket.socket],
    operators: list[socket.socket],
    pipe: Connection,
) -> None:
    """Be a worker: this is the other process's whole program."""
    # Of a process group of its own: Ctrl-C reaches the supervisor alone, who passes it on.
    os.setpgid(0, 0)
    if plan.prepare is not None:
        plan.prepare()
    is_serving = False

    def ready() -> None:
        nonlocal is_serving
        is_serving = True
        pipe.send(None)
        pipe.close()

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(
                work(plan, options, callers=callers, operators=operators, ready=ready, child=True)
            )
    except GemstreamError as error:
        if is_serving:
            raise
        pipe.send(error)
        _leave(_EXIT_FAILED)


def _leave(code: int) -> NoReturn:
    raise SystemExit(code)
