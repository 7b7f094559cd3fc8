"""Two protocols joined without a socket, for a loop whose time does not pass."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ("join",)


def join(one: asyncio.Protocol, other: asyncio.Protocol) -> None:
    """Connect two protocols; each receives what the other writes, in a later turn of the loop."""
    ends = _End(one), _End(other)
    ends[0].far, ends[1].far = ends[1], ends[0]
    for end in ends:
        end.protocol.connection_made(end)


class _End(asyncio.Transport):
    """One end; ``far`` is the other."""

    far: _End

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._is_closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return self._is_closing

    def write(self, data: Any) -> None:
        if data and not self._is_closing:
            self._loop.call_soon(self.far.receive, bytes(data))

    def receive(self, data: bytes) -> None:
        if not self._is_closing:
            self.protocol.data_received(data)

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._loop.call_soon(self.far.close)
            self._loop.call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()
