"""The books of one process, shared by all its threads and event loops.

Strategy. A settlement may come from a destructor, which the garbage collector can run in the midst
of any of our own lines, with the lock held. So nothing but what is awaited, and ``sweep``, ever
waits for the lock: a correction is put into a queue, and applied by whoever has the lock next.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence

from ..policy.limit.claim import Claim, Moment, Refused, Spent, Wait
from ..policy.limit.log import Level, LimitLog
from .clock import Clock

__all__ = ("MemoryStore",)


class MemoryStore:
    """Limits of this process alone; see ``LimitStore``."""

    __slots__ = ("__weakref__", "_corrections", "_lock", "_log", "_names", "moment", "seconds")

    is_shared = False

    def __init__(self, clock: Clock | None = None) -> None:
        clock = clock or Clock()
        self.moment = clock.moment
        self.seconds = clock.seconds
        self._names = itertools.count()
        self.start_anew()
        _all.add(self)

    def start_anew(self) -> None:
        """Forget everything: in the child of a fork, where nothing runs of what the books hold."""
        self._log = LimitLog()
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._corrections: deque[Callable[[Moment], None]] = deque()

    def new_name(self) -> str:
        """Return a name that no other request in these books has."""
        return str(next(self._names))

    async def reserve(self, name: str, claims: Sequence[Claim]) -> Wait | Refused | None:
        """Take all of ``claims`` and return None, or take nothing and say why."""
        with self._lock:
            moment = self._corrected()
            verdict = self._log.reserve(name, claims, moment)
        if self._corrections:
            self._catch_up()
        return verdict

    def stamp(self, name: str, claims: Sequence[Claim]) -> None:
        """Note that the head of the answer is here."""
        self._correct(lambda moment: self._log.stamp(name, claims, moment))

    def adjust(self, name: str, claims: Sequence[Claim], tokens: int) -> None:
        """Correct what a running request has used of tokens so far."""
        self._correct(lambda moment: self._log.adjust(name, claims, tokens, moment))

    def settle(self, name: str, claims: Sequence[Claim], spent: Spent) -> None:
        """Correct what a request used to what it was; it runs no more."""
        self._correct(lambda moment: self._log.settle(name, claims, spent, moment))

    def record(self, name: str, claims: Sequence[Claim]) -> None:
        """Count what was sent without asking, over the limit if need be."""
        self._correct(lambda moment: self._log.record(name, claims, moment))

    def hold(self, gate: Claim, delay: int) -> None:
        """Let nothing through ``gate`` for ``delay`` microseconds."""
        self._correct(lambda moment: self._log.hold(gate, delay, moment))

    async def levels(self, claims: Sequence[Claim]) -> list[Level]:
        """Return how full the limits are."""
        with self._lock:
            levels = self._log.levels(claims, self._corrected())
        self._catch_up()
        return levels

    async def scopes(self, prefix: str) -> list[str]:
        """Return the scopes that begin with ``prefix`` and of which something is written."""
        with self._lock:
            self._corrected()
            scopes = dict.fromkeys(key.rpartition("|")[0] for key in self._log.states)
        return [scope for scope in scopes if scope.startswith(prefix)]

    def sweep(self, claims: Sequence[Claim]) -> bool:
        """Forget what changes nothing by it; True when nothing of ``claims`` is left."""
        with self._lock:
            is_empty = self._log.sweep(claims, self._corrected())
        self._catch_up()
        return is_empty

    async def aclose(self) -> None:
        """Nothing is open."""

    @property
    def size(self) -> int:
        """How many limits have something to remember."""
        return len(self._log.states)

    def _correct(self, correction: Callable[[Moment], None]) -> None:
        self._corrections.append(correction)
        self._catch_up()

    def _catch_up(self) -> None:
        """Apply what is queued, unless somebody is at it.

        Called by everybody who let go of the lock, too: a correction that came meanwhile found it
        taken, and must not wait for the next request to be counted at its time.
        """
        corrections = self._corrections
        while corrections and self._lock.acquire(blocking=False):
            try:
                # Only who has the lock takes out, so what is seen here is there.
                while corrections:
                    corrections.popleft()(self.moment())
            finally:
                self._lock.release()

    def _corrected(self) -> Moment:
        """Apply what was queued, and return the moment that it happened at."""
        moment = self.moment()
        while self._corrections:  # also what came while the clock was read
            self._corrections.popleft()(moment)
            moment = self.moment()
        return moment


_all: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _start_anew() -> None:
    for store in _all:
        store.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
