"""An ASGI application on a socket, under uvicorn, with our guard on every connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from ...config.relay.options import RelayOptions, ServerOptions
from .address import BACKLOG
from .callers import Callers
from .extra import uvicorn
from .guard import GuardedProtocol
from .service import ASGIApplication
from .settings import Settings

__all__ = ("Listener",)

# As nginx; a shorter one races with the pools of SDKs, which then meet a closed connection.
_KEEP_ALIVE_SECONDS = 75
_TICK_SECONDS = 0.02
# An application that is told of its caller's leaving ends by itself, and settles.
_UNWIND_SECONDS = 1.0


class Listener:
    """Serves ``app`` on ``sockets``, which it owns from ``start`` on.

    Lives on one event loop: ``start``, then ``begin_drain``, ``stop_accepting``, ``idle`` and
    ``close`` in this order; only ``close`` is needed.
    """

    def __init__(
        self, app: ASGIApplication, sockets: list[socket.socket], options: ServerOptions
    ) -> None:
        self._settings = Settings(options)
        self._sockets = sockets
        self._callers = Callers(options.trusted_proxies)
        self._server = _server(app, self._protocol)
        self._ticking: asyncio.Task[None] | None = None

    @property
    def open_connections(self) -> int:
        """How many connections of callers stand."""
        return len(self._server.server_state.connections)

    async def start(self) -> None:
        """Accept connections from now on."""
        await self._server.startup(sockets=self._sockets)
        await self._server.on_tick(0)  # the date of the first answer
        self._ticking = asyncio.create_task(self._server.main_loop(), name="relay listener")

    async def follow(self, options: RelayOptions) -> None:
        """Hold callers to ``options`` from their next request on."""
        self._settings.options = options.server
        self._callers.trust(options.server.trusted_proxies)

    def begin_drain(self) -> None:
        """Close each connection after its answer, and go on accepting others."""
        self._settings.is_draining = True

    def stop_accepting(self) -> None:
        """Close the sockets, and the connections that nothing runs on."""
        self.begin_drain()
        for server in self._server.servers:
            server.close()
        for listening in self._sockets:
            listening.close()
        for connection in list(self._server.server_state.connections):
            connection.shutdown()

    async def idle(self) -> None:
        """Return when no request runs any more; safe to cancel."""
        state = self._server.server_state
        while state.connections or state.tasks:  # noqa: ASYNC110  # they tell nobody
            await asyncio.sleep(_TICK_SECONDS)

    async def close(self) -> None:
        """Break off whatever still runs, and wait until it has unwound."""
        self.stop_accepting()
        state = self._server.server_state
        for connection in list(state.connections):
            connection.transport.abort()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=_UNWIND_SECONDS)
        for task in list(state.tasks):
            task.cancel()
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        if state.tasks:
            await asyncio.wait(list(state.tasks))

    def _protocol(self, **given: Any) -> GuardedProtocol:
        return GuardedProtocol(self._settings, self._callers, **given)


def _server(app: ASGIApplication, protocol: Callable[..., Any]) -> Any:
    config = uvicorn.Config(
        app,
        http=partial(protocol),  # type: ignore[arg-type]  # it is only called
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # callers tell anything; ``Callers`` knows whom to believe
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server
