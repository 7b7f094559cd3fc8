"""One answer on an HTTP/1.1 connection, between the connection and its reader.

Promises: what arrived is read first, then how it ended. One reader at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from ..errors import GemstreamError, InvalidState, StreamInterrupted

__all__ = ("BodyOwner", "HTTP1Body")


class BodyOwner(Protocol):
    """What an answer asks of its connection."""

    def resume(self) -> None:
        """Read on: what had arrived was taken."""

    def abort(self) -> None:
        """Break the connection off."""


class HTTP1Body:
    """What has arrived and is not read, and how it ended.

    ``pieces``: shared with the connection's parser, so never another list. ``unread``: how many
    bytes came for them, framing included. ``status`` is 0 until the head is here.
    """

    __slots__ = (
        "_new_future",
        "_owner",
        "arrival",
        "failure",
        "has_ended",
        "headers",
        "is_held",
        "pieces",
        "status",
        "unread",
        "watcher",
    )

    def __init__(self, owner: BodyOwner, pieces: list[bytes]) -> None:
        self._new_future = asyncio.get_running_loop().create_future
        self._owner: BodyOwner | None = owner
        self.arrival: asyncio.Future[None] | None = None  # what the reader waits for
        self.failure: GemstreamError | None = None
        self.has_ended = False
        self.is_held = False  # the connection reads no more until this is taken
        self.headers: Mapping[str, str] = {}
        self.pieces = pieces
        self.status = 0
        self.unread = 0
        self.watcher: Callable[[], None] | None = None  # called in the place of a waiting reader

    async def head(self) -> None:
        """Wait for status and headers; raises what ended the answer instead.

        Cancelling breaks the connection off.
        """
        try:
            while not self.status:
                if self.failure is not None:
                    raise self.failure
                await self.wait()
        except asyncio.CancelledError:
            self.abort()
            raise

    def waits(self) -> bool:
        """Return True while there is nothing to read, neither bytes nor an end."""
        return not (self.pieces or self.has_ended or self.failure)

    def wait(self) -> asyncio.Future[None]:
        """Return what is done when something has changed; raises InvalidState for a second one."""
        if self.arrival is not None:
            self._check_alone(self.arrival)
        self.arrival = arrival = self._new_future()
        return arrival

    def _check_alone(self, arrival: asyncio.Future[None]) -> None:
        if not arrival.done():  # one that is, was cancelled
            raise InvalidState("the exchange is read by another task already")

    def take(self) -> bytes:
        """Return what has arrived; ``b""`` at the end, else raises what ended the answer."""
        pieces = self.pieces
        if not pieces:
            if self.failure is not None:
                raise self.failure
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.unread = 0
        if self.is_held and self._owner is not None:
            self.is_held = False
            self._owner.resume()
        return data

    def wake(self) -> None:
        """Let the reader look."""
        if self.watcher is not None:
            self.watcher()
            return
        arrival = self.arrival
        if arrival is not None:
            self.arrival = None
            if not arrival.done():
                arrival.set_result(None)

    def end(self) -> None:
        """Note that the answer is all here; the connection has nothing to do with it any more."""
        self.has_ended = True
        self._owner = None
        self.wake()

    def fail(self, error: GemstreamError) -> None:
        """Note that no more will come; what is here can still be read."""
        if self.failure is None and not self.has_ended:
            self.failure = error
        self._owner = None
        self.wake()

    def interrupt(self, error: GemstreamError) -> None:
        """End the answer from this side because of ``error``; harmless when it is all here."""
        if not self.has_ended:
            owner = self._owner
            self.fail(error)
            if owner is not None:
                owner.abort()

    def abort(self) -> None:
        """End the answer, unread pieces forgotten; harmless when all of it was read."""
        if self.has_ended and not self.pieces:
            return
        self.pieces.clear()
        error = StreamInterrupted("the exchange was closed")
        if self.has_ended:
            self.failure = error
        else:
            self.interrupt(error)
