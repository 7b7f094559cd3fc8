"""Pieces of an answer written to the caller's socket at once, past the queue of ASGI.

An ASGI ``send`` is a coroutine that takes a dictionary apart, for each piece: 2 µs of some 20 that
a chunk costs in all. What goes down in mid-answer has one form only, so here it is written as such.
"""

from __future__ import annotations

from typing import Any

__all__ = ("DirectWrite",)


class DirectWrite:
    """Writes pieces of the body of one answer; ``cycle`` is uvicorn's for it."""

    __slots__ = ("_cycle", "_flow", "_transport")

    def __init__(self, cycle: Any) -> None:
        self._cycle = cycle
        self._flow = cycle.flow
        self._transport = cycle.transport

    @property
    def is_possible(self) -> bool:
        """True while the answer has begun and goes down in chunks."""
        cycle = self._cycle
        return (
            cycle.chunked_encoding is True
            and cycle.response_started
            and not cycle.response_complete
            and cycle.scope["method"] != "HEAD"
        )

    def write(self, data: bytes) -> bool:
        """Write a piece that is not empty; return False when the next one should wait.

        To a caller who left nothing is written.
        """
        if not self._cycle.disconnected:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        return not self._flow.write_paused

    async def drain(self) -> None:
        """Return once the caller's socket takes more; safe to cancel."""
        await self._flow.drain()
