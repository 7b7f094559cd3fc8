"""Who waits for a place under one key's concurrency: first come, first served, and not for long."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

__all__ = ("Row",)


class Row:
    """The requests of one process that wait for one key; used by one event loop.

    ``poll``: seconds after which the first asks again unasked, for a place that another process
    gave back; None where no other can.
    """

    __slots__ = ("_places", "_poll")

    def __init__(self, poll: float | None) -> None:
        self._places: deque[asyncio.Event] = deque()
        self._poll = poll

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._places)

    async def stand(self, attempt: Callable[[], Awaitable[bool]], patience: float) -> None:
        """Return once ``attempt`` has answered True, asked in this request's turn.

        Raises TimeoutError after ``patience`` seconds, and what ``attempt`` raises. Safe to cancel:
        the turn goes to the next.
        """
        place = asyncio.Event()
        self._places.append(place)
        try:
            async with asyncio.timeout(patience):
                while True:
                    place.clear()
                    is_first = self._places[0] is place
                    if is_first and await attempt():
                        return
                    await self._sleep(place, self._poll if is_first else None)
        finally:
            self._places.remove(place)
            self.wake()

    def wake(self) -> None:
        """Let the first ask again: a place was given back, or the first is another."""
        if self._places:
            self._places[0].set()

    async def _sleep(self, place: asyncio.Event, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await place.wait()
        except TimeoutError:
            # Its own time is over, which is no news; the patience of ``stand`` cancels instead.
            return
