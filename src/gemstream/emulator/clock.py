"""The emulator's clock: everything that takes time or has a date reads it.

It runs with the machine's, faster, slower or not at all, and can be set forward. Sleepers may sit
on several event loops and in several threads; each wakes on its own.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import ConfigError

__all__ = ("Clock",)

_SECOND = 1_000_000_000


class Clock:
    """``scale`` emulated seconds pass in a real one; at 0 only ``advance`` moves the clock.

    ``start`` is its first reading in seconds since 1970, None for the machine's time. It never
    goes back, whatever happens to the machine's. Raises ConfigError for a scale below 0.
    """

    __slots__ = ("_advanced", "_alarms", "_lock", "_origin", "_scale", "_start")

    def __init__(self, *, scale: float = 1.0, start: float | None = None) -> None:
        if not (math.isfinite(scale) and scale >= 0):
            raise ConfigError(
                f"the time scale is {scale!r}; it must be a number of emulated seconds per real "
                "second, 0 or more"
            )
        self._scale = scale
        self._start = time.time_ns() if start is None else round(start * _SECOND)
        self._origin = time.monotonic_ns()
        self._advanced = 0
        self._alarms: set[_Alarm] = set()
        self._lock = threading.Lock()

    @property
    def scale(self) -> float:
        """Emulated seconds per real second."""
        return self._scale

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self.now_ns() / _SECOND

    def now_ns(self) -> int:
        """Return the time in nanoseconds since 1970, so that sums and differences are exact."""
        passed = (time.monotonic_ns() - self._origin) * self._scale
        return self._start + self._advanced + int(passed)

    def advance(self, seconds: float) -> None:
        """Set the clock forward and wake who is due, the longest due first; from any thread.

        A sleeper that goes on to sleep again counts from the new time. Raises ConfigError for
        what is no number of seconds, 0 or more.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ConfigError(f"the clock cannot advance by {seconds!r} s; it only goes forward")
        with self._lock:
            self._advanced += round(seconds * _SECOND)
            alarms = sorted(self._alarms, key=lambda alarm: alarm.due)
        for alarm in alarms:
            try:
                alarm.loop.call_soon_threadsafe(alarm.look)
            except RuntimeError:  # its loop has closed: nobody sleeps there any more
                self._forget(alarm)

    async def sleep(self, seconds: float) -> None:
        """Wait until ``seconds`` have passed on this clock; safe to cancel."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        with self.alarm(seconds, lambda: None if woken.done() else woken.set_result(None)):
            await woken

    @contextmanager
    def alarm(self, seconds: float, ring: Callable[[], None]) -> Iterator[None]:
        """Call ``ring`` on this event loop in ``seconds``, unless the block has ended before."""
        with self._lock:
            alarm = _Alarm(self, self.now_ns() + round(seconds * _SECOND), ring)
            self._alarms.add(alarm)
        alarm.set(seconds)
        try:
            yield
        finally:
            alarm.cancel()
            self._forget(alarm)

    def _forget(self, alarm: _Alarm) -> None:
        with self._lock:
            self._alarms.discard(alarm)


class _Alarm:
    """Rings once, by a timer of its loop or when ``look`` finds that it is due."""

    __slots__ = ("_clock", "_ring", "_timer", "due", "loop")

    def __init__(self, clock: Clock, due: int, ring: Callable[[], None]) -> None:
        self.due = due
        self.loop = asyncio.get_running_loop()
        self._clock = clock
        self._ring: Callable[[], None] | None = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Ring in so many emulated seconds; the timer's word is taken for it."""
        self._stop_timer()
        if self._clock.scale:
            self._timer = self.loop.call_later(seconds / self._clock.scale, self._ring_once)

    def look(self) -> None:
        """Ring if it is time, else set the timer anew: the clock has jumped."""
        left = self.due - self._clock.now_ns()
        if left <= 0:
            self._ring_once()
        elif self._ring is not None:
            self.set(left / _SECOND)

    def cancel(self) -> None:
        """Never ring again."""
        self._ring = None
        self._stop_timer()

    def _ring_once(self) -> None:
        ring, self._ring = self._ring, None
        self._stop_timer()
        if ring is not None:
            ring()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
