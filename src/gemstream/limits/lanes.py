"""All lanes to one set of books: made at the first use of a scope, dropped when idle and full."""

from __future__ import annotations

import os
import threading
import weakref

from ..telemetry.decision import Decision, Told
from .kept import Kept
from .lane import Lane
from .memory_store import MemoryStore
from .store import LimitStore
from .worlds import Worlds

__all__ = ("Lanes", "lanes_in", "lanes_of", "process_lanes")


class Lanes:
    """The lanes of one store; safe from many threads."""

    __slots__ = ("__weakref__", "_kept", "_listeners", "store")

    def __init__(self, store: LimitStore) -> None:
        self.store = store
        self._kept = Kept(lambda scope: Lane(scope, store), Lane.sweep)
        self._listeners: tuple[Told, ...] = ()

    def of(self, scope: str) -> Lane:
        """Return the lane of ``scope``, an account and a model."""
        return self._kept.of(scope)

    def listen(self, told: Told) -> None:
        """Tell ``told`` from now on what the books themselves decide, as when they are away."""
        with _Process.lock:
            self._listeners = (*self._listeners, told)

    def unlisten(self, told: Told) -> None:
        """Tell ``told`` no more."""
        with _Process.lock:
            self._listeners = tuple(one for one in self._listeners if one is not told)

    def tell(self, decision: Decision) -> None:
        """Tell a decision of the books to who listens; called by any thread."""
        for told in self._listeners:
            told(decision)

    def __len__(self) -> int:
        """Return how many lanes there are."""
        return len(self._kept)


def lanes_in(store: LimitStore) -> Lanes:
    """Return the lanes to the books of ``store``: the same for all who have it."""
    with _Process.lock:
        return _of_stores.setdefault(id(store), Lanes(store))


def lanes_of(world: object) -> Lanes:
    """Return the lanes in memory of ``world``, as a transport: the same for all who have it."""
    return _of_worlds.of(world)


def process_lanes() -> Lanes:
    """Return the lanes that every client of this process shares, unless it is told otherwise."""
    return _Process.lanes


class _Process:
    """What this process has; a forked child empties the books and makes the lock anew."""

    lanes = Lanes(MemoryStore())
    lock = threading.Lock()  # a weak dictionary's own get-or-create is not one step


# By identity, and for as long as a client has them: lanes hold their store.
_of_stores: weakref.WeakValueDictionary[int, Lanes] = weakref.WeakValueDictionary()
_of_worlds = Worlds(lambda: Lanes(MemoryStore()))


def _start_anew() -> None:
    _Process.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
