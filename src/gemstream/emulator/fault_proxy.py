"""The TCP fault proxy: a port in front of the emulator where the wire itself misbehaves.

Promises: without toxics every byte passes at once and unchanged; what breaks, breaks at the exact
byte; the same seed gives the same faults to the same connection number. It is for this machine
only, for behind it the emulator's controls could not tell who asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
import socket
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from ..errors import ConfigError
from .toxic_pump import Pump, Side, Sleep, first_break
from .toxics import Cut, Direction, Refuse, Reset, Swallow, Toxic, schedule

__all__ = ("chaos",)

_BACKLOG = 2048


@contextlib.asynccontextmanager
async def chaos(
    url: str,
    *toxics: Toxic,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[str]:
    """Put ``toxics`` on the way to the server at ``url`` and give the URL to use instead.

    ``sleep``: how the milliseconds of the toxics pass. At the end of the block every connection is
    broken off. Raises ConfigError for a port that cannot be had, a host that other machines reach
    and a place behind TLS.
    """
    target = urlsplit(url)
    _check(target.scheme, toxics, host)
    listener = _bind(host, port)
    proxy = _Proxy(target.hostname or "", target.port or 80, _Faults(toxics, seed, sleep))
    try:
        if not any(isinstance(toxic, Refuse) for toxic in toxics):
            await proxy.start(listener)
        named, bound = listener.getsockname()[:2]
        place = f"[{named}]" if ":" in named else named
        yield f"{target.scheme}://{place}:{bound}"
    finally:
        await proxy.aclose()
        listener.close()


class _Faults:
    """What all connections share: the toxics, their seed and how time passes."""

    __slots__ = ("_numbers", "seed", "sleep", "toxics")

    def __init__(self, toxics: Sequence[Toxic], seed: int, sleep: Sleep) -> None:
        self.toxics = toxics
        self.seed = seed
        self.sleep = sleep
        self._numbers = itertools.count(1)

    def next_connection(self) -> tuple[int, list[Toxic]]:
        number = next(self._numbers)
        return number, schedule(self.toxics, self.seed, number)


class _Proxy:
    """The listener and its connections, each a task that it owns."""

    __slots__ = ("_faults", "_host", "_port", "_server", "_tasks")

    def __init__(self, host: str, port: int, faults: _Faults) -> None:
        self._host = host
        self._port = port
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._accept, sock=listener, backlog=_BACKLOG)

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, toxics = self._faults.next_connection()
        task = asyncio.get_running_loop().create_task(
            self._serve(Side(reader, writer), toxics, number), name=f"chaos connection {number}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: Side, toxics: Sequence[Toxic], number: int) -> None:
        try:
            if any(isinstance(toxic, Swallow) for toxic in toxics):
                await client.read_away()
                return
            server = Side(*await asyncio.open_connection(self._host, self._port))
            try:
                await self._join(client, server, toxics, number)
            finally:
                server.abort()
        except OSError:  # one side is gone, so the other goes
            pass
        finally:
            client.abort()

    async def _join(self, client: Side, server: Side, toxics: Sequence[Toxic], number: int) -> None:
        seed = f"{self._faults.seed}|{number}"
        sleep = self._faults.sleep
        up = Pump(client, server, _of(toxics, Direction.UP), f"{seed}|up", sleep)
        down = Pump(server, client, _of(toxics, Direction.DOWN), f"{seed}|down", sleep)
        broken = await first_break(up, down)
        if broken is None:
            return
        server.abort()
        if isinstance(broken, Reset):
            client.reset()
        else:
            await client.end()
            await client.read_away()  # closed with unread bytes, it would be a reset


def _of(toxics: Sequence[Toxic], direction: Direction) -> list[Toxic]:
    return [one for one in toxics if getattr(one, "direction", None) is direction]


def _check(scheme: str, toxics: Sequence[Toxic], host: str) -> None:
    for toxic in toxics:
        if not isinstance(toxic, Toxic):
            raise ConfigError(f"{toxic!r:.80} is not a toxic")
        if scheme == "https" and isinstance(toxic, Cut) and toxic.place is not None:
            raise ConfigError("cut at a place reads the responses: it needs plain HTTP, or give at")
    try:
        is_ours = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_ours = False
    if not is_ours:
        raise ConfigError(f"chaos listens on this machine only, at 127.0.0.1 or ::1, not {host!r}")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigError(
            f"chaos cannot listen on {host}:{port}: {error}; "
            "choose another port, or 0 for a free one"
        ) from error
    return listener
