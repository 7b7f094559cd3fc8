"""The calls that have begun and not ended, each with its span."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .attributes import Attributes
from .live_events import LiveStats

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

__all__ = ("MAX_OPEN", "OpenCall", "OpenCalls")

# More than a process can stream at once (8.8 KiB of socket and buffers each: 576 MiB), few enough
# that calls whose end is never told cost some 100 MiB and not all memory.
MAX_OPEN = 65_536


class OpenCall:
    """One call: its span, the context that holds it, and what its end needs of its start.

    A Live session is one too; ``counted`` are its numbers as far as they were measured.
    """

    __slots__ = ("asked", "context", "counted", "identity", "last_chunk_at", "said", "span")

    def __init__(
        self,
        span: Span,
        context: Context,
        identity: Attributes,
        asked: Attributes,
        said: Mapping[str, Any],
    ) -> None:
        self.span = span
        self.context = context
        self.identity = identity
        self.asked = asked
        self.said = said
        self.last_chunk_at: float | None = None
        self.counted: LiveStats | None = None


class OpenCalls:
    """Open calls by number, at most ``limit``; threads may share it."""

    __slots__ = ("_calls", "_limit", "_lock")

    def __init__(self, limit: int = MAX_OPEN) -> None:
        self._calls: dict[int, OpenCall] = {}
        self._limit = limit
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, number: int, call: OpenCall) -> OpenCall | None:
        """Keep a call; return the oldest when there are too many, which is then forgotten."""
        with self._lock:
            self._calls[number] = call
            if len(self._calls) <= self._limit:
                return None
            return self._calls.pop(next(iter(self._calls)))

    def find(self, number: int) -> OpenCall | None:
        """Return the call of that number, None when it is not open."""
        return self._calls.get(number)

    def remove(self, number: int) -> OpenCall | None:
        """Return the call of that number and forget it."""
        with self._lock:
            return self._calls.pop(number, None)
