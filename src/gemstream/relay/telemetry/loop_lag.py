"""How late the event loop is: a timer that looks when it should have fired."""

from __future__ import annotations

import asyncio
import time
from collections import deque

__all__ = ("LoopLag",)

_EVERY = 0.25
# The largest of so many readings is told: a scrape each 15 s sees all of them.
_READINGS = 60


class LoopLag:
    """Seconds by which callbacks of the running loop come late; ``start`` it in that loop."""

    __slots__ = ("_due", "_handle", "_loop", "_readings")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._readings: deque[float] = deque(maxlen=_READINGS)

    def start(self) -> None:
        """Look every 250 ms from now on."""
        self._loop = asyncio.get_running_loop()
        self._arm()

    def stop(self) -> None:
        """Look no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    @property
    def seconds(self) -> float:
        """The largest of the last 15 s, or how late the next reading is by now."""
        if self._handle is None:
            return 0.0
        late = time.monotonic() - self._due
        return max(late, 0.0, *self._readings) if self._readings else max(late, 0.0)

    @property
    def now(self) -> float:
        """How late the last reading was, or the next is by now."""
        if self._handle is None:
            return 0.0
        last = self._readings[-1] if self._readings else 0.0
        return max(last, time.monotonic() - self._due)

    def _arm(self) -> None:
        assert self._loop is not None, "it was started"
        self._due = time.monotonic() + _EVERY
        self._handle = self._loop.call_later(_EVERY, self._read)

    def _read(self) -> None:
        self._readings.append(max(0.0, time.monotonic() - self._due))
        self._arm()
