"""The books of one process, shared by all its threads and event loops.

Strategy. A settlement may come from a destructor, which the garbage collector can run in the midst
of any of our own lines, with the lock held. So nothing but ``reserve`` and ``levels`` ever waits
for the lock: a correction is put into a queue, and applied by whoever has the lock next.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence

from ..policy.limit.claim import Claim, Moment, Refused, Spent, Wait
from ..policy.limit.log import Level, LimitLog
from .clock import Clock

__all__ = ("MemoryStore",)


class MemoryStore:
    """Limits of this process alone; see ``LimitStore``."""

    __slots__ = ("_corrections", "_lock", "_log", "_names", "moment", "seconds")

    is_shared = False

    def __init__(self, clock: Clock | None = None) -> None:
        clock = clock or Clock()
        self.moment = clock.moment
        self.seconds = clock.seconds
        self._log = LimitLog()
        self._lock = threading.Lock()
        self._corrections: deque[Callable[[Moment], None]] = deque()
        self._names = itertools.count()

    def new_name(self) -> str:
        """Return a name that no other request in these books has."""
        return str(next(self._names))

    async def reserve(self, name: str, claims: Sequence[Claim]) -> Wait | Refused | None:
        """Take all of ``claims`` and return None, or take nothing and say why."""
        with self._lock:
            moment = self._corrected()
            return self._log.reserve(name, claims, moment)

    def stamp(self, name: str, claims: Sequence[Claim]) -> None:
        """Note that the head of the answer is here."""
        self._correct(lambda moment: self._log.stamp(name, claims, moment))

    def adjust(self, name: str, claims: Sequence[Claim], tokens: int) -> None:
        """Correct what a running request has used of tokens so far."""
        self._correct(lambda moment: self._log.adjust(name, claims, tokens, moment))

    def settle(self, name: str, claims: Sequence[Claim], spent: Spent) -> None:
        """Correct what a request used to what it was; it runs no more."""
        self._correct(lambda moment: self._log.settle(name, claims, spent, moment))

    def hold(self, gate: Claim, delay: int) -> None:
        """Let nothing through ``gate`` for ``delay`` microseconds."""
        self._correct(lambda moment: self._log.hold(gate, delay, moment))

    async def levels(self, claims: Sequence[Claim]) -> list[Level]:
        """Return how full the limits are."""
        with self._lock:
            return self._log.levels(claims, self._corrected())

    def sweep(self, claims: Sequence[Claim]) -> bool:
        """Forget what changes nothing by it; True when nothing of ``claims`` is left."""
        with self._lock:
            return self._log.sweep(claims, self._corrected())

    async def aclose(self) -> None:
        """Nothing is open."""

    def __len__(self) -> int:
        """Return how many limits have something to remember."""
        return len(self._log.states)

    def _correct(self, correction: Callable[[Moment], None]) -> None:
        self._corrections.append(correction)
        # Again after letting go: one that came while we held the lock found it taken.
        while self._corrections and self._lock.acquire(blocking=False):
            try:
                self._apply()
            finally:
                self._lock.release()

    def _corrected(self) -> Moment:
        """Apply what was queued, and return the moment that it happened at."""
        self._apply()
        return self.moment()

    def _apply(self) -> None:
        # Only who has the lock takes out, so what is seen here is there.
        while self._corrections:
            self._corrections.popleft()(self.moment())
