"""The addresses of a host, asked for once by many who connect at the same time."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

__all__ = ("Addresses",)

_FRESH = 10.0  # seconds; a service that moves is found again soon


class Addresses:
    """Of ``host``, in one event loop: a thousand connections at once need one lookup."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._found: Sequence[tuple[Any, ...]] = ()
        self._until = 0.0
        self._lookup: asyncio.Future[Sequence[tuple[Any, ...]]] | None = None

    async def found(self) -> Sequence[tuple[Any, ...]]:
        """Return what ``getaddrinfo`` says; raises what it raises, and asks anew then.

        Cancelling one who waits does not disturb the others.
        """
        loop = asyncio.get_running_loop()
        if loop.time() < self._until:
            return self._found
        if _is_literal(self._host):
            self._found, self._until = self._ask(socket.AI_NUMERICHOST), float("inf")
            return self._found
        if self._lookup is None or self._lookup.done():
            self._lookup = loop.run_in_executor(None, self._ask)
        found = await asyncio.shield(self._lookup)
        self._found, self._until = found, loop.time() + _FRESH
        return found

    def _ask(self, flags: int = 0) -> Sequence[tuple[Any, ...]]:
        return socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=flags)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
