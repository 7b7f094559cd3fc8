"""One waiter's place in a lane: it can be woken from any thread."""

from __future__ import annotations

import asyncio

__all__ = ("Place",)


class Place:
    """Belongs to the task that made it, on its event loop."""

    __slots__ = ("_is_woken", "_loop", "_sleeping", "was_passed")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sleeping: asyncio.Future[None] | None = None
        self._is_woken = False
        self.was_passed = False  # ever taken out of the row, for nobody could be woken here

    @property
    def is_idle(self) -> bool:
        """True when nobody can be woken here: the event loop does not run, or has closed."""
        return not self._loop.is_running()

    def is_beside(self, other: Place) -> bool:
        """Return whether both belong to one event loop: what stops the one stops the other."""
        return self._loop is other._loop

    def wake(self) -> bool:
        """End the present sleep, or the next; False when the event loop does not run now."""
        self._is_woken = True
        try:
            self._loop.call_soon_threadsafe(self._rise)
        except RuntimeError:  # closed
            return False
        return self._loop.is_running()

    async def sleep(self, seconds: float | None = None) -> None:
        """Return when woken, or after ``seconds``; safe to cancel."""
        if not self._is_woken:
            self._sleeping = self._loop.create_future()
            timer = None if seconds is None else self._loop.call_later(seconds, self._rise)
            try:
                await self._sleeping
            finally:
                self._sleeping = None
                if timer is not None:
                    timer.cancel()
        self._is_woken = False

    def _rise(self) -> None:
        if self._sleeping is not None and not self._sleeping.done():
            self._sleeping.set_result(None)
