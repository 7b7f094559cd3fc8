"""A caller who asked and does not read: waited for, but not for ever.

What such a caller holds is bounded, for nobody reads from the upstream meanwhile; but it holds it,
and its place under the key's concurrency, until its connection ends.
"""

from __future__ import annotations

import asyncio

__all__ = ("STANDSTILL_SECONDS", "Standstill")

STANDSTILL_SECONDS = 60.0
"""How long a caller may take no byte of those that wait for it."""


class Standstill:
    """Breaks ``transport`` off once nothing of what waits in it was taken for so long.

    It is to be watched only while nothing is added: then the size of what waits says whether any
    was taken.
    """

    __slots__ = ("_timer", "_transport", "_waiting")

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0

    def watch(self) -> None:
        """Begin, or begin anew; nothing is watched when nothing waits."""
        self.unwatch()
        self._waiting = self._transport.get_write_buffer_size()
        if self._waiting:
            self._arm()

    def unwatch(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(STANDSTILL_SECONDS, self._judge)

    def _judge(self) -> None:
        self._timer = None
        before, self._waiting = self._waiting, self._transport.get_write_buffer_size()
        if self._waiting >= before:
            self._transport.abort()
        elif self._waiting:
            self._arm()
