"""A caller's body on its way up: read no faster than the upstream takes it, kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..exchange import BodyTooLarge, CallerGone, Exchange

__all__ = ("Incoming",)


class Incoming:
    """Iterates over the pieces of a body once; ``most``: bytes it may have.

    ``on_progress`` is called when a piece was asked for, and with True when there are no more: from
    then on ``on_gone`` is called if the caller leaves. ``failure``: why it broke off, None before.
    ``is_waiting``: it is the caller who does not go on. ``is_touched``: something was asked for, so
    no other account can have it any more.
    """

    __slots__ = (
        "_exchange",
        "_is_over",
        "_most",
        "_on_gone",
        "_size",
        "_watcher",
        "failure",
        "is_touched",
        "is_waiting",
        "on_progress",
    )

    def __init__(self, exchange: Exchange, most: int, on_gone: Callable[[], None]) -> None:
        self._exchange = exchange
        self._most = most
        self._on_gone = on_gone
        self._size = 0
        self._is_over = False
        self._watcher: asyncio.Task[None] | None = None
        self.failure: Exception | None = None
        self.is_touched = False
        self.is_waiting = False
        self.on_progress: Callable[[bool], None] = _nothing

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> bytes:
        if self.failure is not None:
            raise self.failure
        if self._is_over:
            raise StopAsyncIteration
        self.is_touched = True
        self.on_progress(False)
        self.is_waiting = True
        try:
            piece = await self._piece()
        except (CallerGone, BodyTooLarge) as error:
            self.failure = error
            raise
        self.is_waiting = False
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """Watch no more."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def _piece(self) -> bytes:
        """Return the next piece, empty at the end alone."""
        piece = b""
        while not piece and not self._is_over:
            piece, is_last = await self._exchange.receive_piece()
            if is_last:
                self._end()
        self._size += len(piece)
        if self._size > self._most:
            raise BodyTooLarge
        return piece

    def _end(self) -> None:
        self._is_over = True
        self.on_progress(True)
        self._watcher = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        async with self._exchange.watched(self._on_gone):
            await asyncio.Event().wait()


def _nothing(is_over: bool) -> None:
    pass
