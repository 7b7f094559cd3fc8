"""The relay from its options to its end: sockets, then one process or several."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterator

import msgspec

from ...config.relay.options import RelayOptions
from ..telemetry.log_setup import logged
from .address import bind, url_of
from .supervisor import supervise
from .worker import Plan, loop_factory, work

__all__ = ("Addresses", "serve", "serve_here")


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where it listens, as base URLs; ``admin`` is None when there is no port for operators."""

    callers: str
    admin: str | None = None


def serve(plan: Plan, options: RelayOptions, announce: Callable[[Addresses], None]) -> None:
    """Serve until a signal ends it; blocks.

    ``announce`` is called once callers are served. Raises ConfigError for a port that cannot be
    had, and what opening the relay raises.
    """
    if options.server.workers == 1:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve_here(plan, options, announce))
        return
    with logged(options.server.log, sys.stderr), _sockets(options) as (callers, operators):
        supervise(
            plan,
            options,
            callers=callers,
            operators=operators,
            ready=lambda: announce(_addresses(callers, operators)),
        )


async def serve_here(
    plan: Plan, options: RelayOptions, announce: Callable[[Addresses], None]
) -> None:
    """Serve as ``serve`` does, in this process and on the running loop."""
    with _sockets(options) as (callers, operators):
        await work(
            plan,
            options,
            callers=callers,
            operators=operators,
            ready=lambda: announce(_addresses(callers, operators)),
        )


_Sockets = list[socket.socket]


@contextlib.contextmanager
def _sockets(options: RelayOptions) -> Iterator[tuple[_Sockets, _Sockets]]:
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(bind(options.server.host, options.server.port))]
        operators: _Sockets = []
        if options.admin.token is not None:
            operators.append(stack.enter_context(bind(options.admin.host, options.admin.port)))
        yield callers, operators


def _addresses(callers: _Sockets, operators: _Sockets) -> Addresses:
    return Addresses(callers=url_of(callers[0]), admin=url_of(operators[0]) if operators else None)
