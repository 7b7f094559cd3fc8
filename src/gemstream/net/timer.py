"""When an exchange has waited too long, and which of the timeouts that is.

Strategy. One timer per exchange, not one per read (`wait_for` costs 8–10 µs a read): a read only
notes when it began to wait, and the timer, when it fires, looks whether that is long enough ago
and otherwise sets itself anew. Time in which nobody waits (a slow consumer) never counts as idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import FirstChunkTimeout, IdleTimeout, StreamTimeout, TotalTimeout
from .transport import Deadlines

__all__ = ("StreamTimer", "head_timeout", "total_timeout")

# Socket to buffer, buffer to future, future to task, task to reader.
_TURNS = 4


_PHASES: dict[str, tuple[type[StreamTimeout], str]] = {
    "first_chunk": (
        FirstChunkTimeout,
        "the service sent no chunk within {:g} s; a long thought or a large prompt may need a "
        "higher timeouts.first_chunk",
    ),
    "idle": (
        IdleTimeout,
        "the stream brought nothing for {:g} s after its last chunk; raise timeouts.idle if such "
        "pauses are normal",
    ),
}


def head_timeout(deadlines: Deadlines, opened: float) -> tuple[float | None, StreamTimeout]:
    """Return until when the head of a response may be waited for, and the error after that."""
    first = None if deadlines.first_chunk is None else opened + deadlines.first_chunk
    if first is not None and (deadlines.total is None or first < deadlines.total):
        return first, _phase_timeout(deadlines, "first_chunk")
    return deadlines.total, total_timeout(deadlines)


def total_timeout(deadlines: Deadlines) -> TotalTimeout:
    """Return the error for a passed ``total``."""
    seconds = deadlines.total_seconds
    shown = "its limit" if seconds is None else f"{seconds:g} s"
    return TotalTimeout(
        f"the call took longer than {shown} in all, retries included; raise timeouts.total",
        timeout=seconds,
    )


def _phase_timeout(deadlines: Deadlines, phase: str) -> StreamTimeout:
    kind, message = _PHASES[phase]
    seconds = getattr(deadlines, phase)
    return kind(message.format(seconds), timeout=seconds)


class StreamTimer:
    """Watches the body of one exchange; ``expire`` gets the error once, then it is over."""

    __slots__ = ("_began", "_deadlines", "_expire", "_handle", "_loop", "_opened", "waiting_since")

    def __init__(
        self, deadlines: Deadlines, opened: float, expire: Callable[[StreamTimeout], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadlines = deadlines
        self._opened = opened
        self._expire = expire
        self._began = False
        self._handle: asyncio.Handle | None = None
        self.waiting_since: float | None = None  # set by the reader, None while nobody waits
        self._arm()

    def began(self) -> None:
        """Note the first chunk: from now on ``idle`` counts."""
        if not self._began:
            self._began = True
            self.cancel()
            self._arm()

    def cancel(self) -> None:
        """Watch no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        moments = [at for at in (self._phase_end(), self._deadlines.total) if at is not None]
        if moments:
            self._handle = self._loop.call_at(min(moments), self._fire)

    def _phase_end(self) -> float | None:
        """Return when the present phase would end if nothing came from now on."""
        deadlines = self._deadlines
        if not self._began:
            return None if deadlines.first_chunk is None else self._opened + deadlines.first_chunk
        if deadlines.idle is None:
            return None
        since = self._loop.time() if self.waiting_since is None else self.waiting_since
        return since + deadlines.idle

    def _fire(self) -> None:
        now = self._loop.time()
        phase_end = self._phase_end()
        if self._deadlines.total is not None and now >= self._deadlines.total:
            self._expire(total_timeout(self._deadlines))
        elif phase_end is not None and now >= phase_end:
            self._confirm(_TURNS, self.waiting_since)
        else:
            self._arm()

    def _confirm(self, turns: int, since: float | None) -> None:
        """Expire unless the reader moves on within so many turns of the loop.

        A loop that was busy finds the timer due and the bytes in the socket at the same moment.
        """
        if self.waiting_since != since:
            self._arm()
        elif turns:
            self._handle = self._loop.call_soon(self._confirm, turns - 1, since)
        elif since is None:
            self._opened = self._loop.time()  # nobody waits, the chunk may lie unread: count anew
            self._arm()
        else:
            self._expire(_phase_timeout(self._deadlines, "idle" if self._began else "first_chunk"))
