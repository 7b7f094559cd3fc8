"""An event loop whose time is made of what it waits for.

Whenever nothing is left to do but wait for a timer, the clock stands at that timer at once: an
hour of backoff costs a test nothing, and how long something waited is an exact number.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ("ImpatientLoop", "in_no_time")

T = TypeVar("T")


class ImpatientLoop(asyncio.SelectorEventLoop):
    """A loop for code that uses no sockets and no threads."""

    def __init__(self) -> None:
        super().__init__(_Impatient(self))
        self.skipped = 0.0

    def time(self) -> float:
        return self.skipped


class _Impatient(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Answers at once and counts the wait as passed."""

    def __init__(self, loop: ImpatientLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self._loop.skipped += timeout
            timeout = 0
        return super().select(timeout)


def in_no_time(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what ``coroutine`` returns on a loop that never really waits."""
    with asyncio.Runner(loop_factory=ImpatientLoop) as runner:
        return runner.run(coroutine)
