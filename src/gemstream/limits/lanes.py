"""All lanes to one set of books: made at the first use of a scope, dropped when idle and full."""

from __future__ import annotations

import os
import threading
import weakref

from .kept import Kept
from .lane import Lane
from .memory_store import MemoryStore
from .store import LimitStore

__all__ = ("Lanes", "lanes_in", "lanes_of", "process_lanes")


class Lanes:
    """The lanes of one store; safe from many threads."""

    __slots__ = ("__weakref__", "_kept", "store")

    def __init__(self, store: LimitStore) -> None:
        self.store = store
        self._kept = Kept(lambda scope: Lane(scope, store), Lane.sweep)
        _all.add(self)

    def of(self, scope: str) -> Lane:
        """Return the lane of ``scope``, an account and a model."""
        return self._kept.of(scope)

    def __len__(self) -> int:
        """Return how many lanes there are."""
        return len(self._kept)

    def start_anew(self) -> None:
        """Have no lanes: who waits in them is in the parent of this fork."""
        self._kept.start_anew()


def lanes_in(store: LimitStore) -> Lanes:
    """Return the lanes to the books of ``store``: the same for all who have it."""
    with _lock:
        return _of_stores.setdefault(id(store), Lanes(store))


def lanes_of(world: object) -> Lanes:
    """Return the lanes in memory of ``world``, as a transport: the same for all who have it."""
    try:
        with _lock:
            return _of_worlds.setdefault(world, Lanes(MemoryStore()))
    except TypeError:  # it can be no key, so nobody else can name it
        return Lanes(MemoryStore())


# By identity, and for as long as a client has them: lanes hold their store.
_of_stores: weakref.WeakValueDictionary[int, Lanes] = weakref.WeakValueDictionary()
_of_worlds: weakref.WeakKeyDictionary[object, Lanes] = weakref.WeakKeyDictionary()
_all: weakref.WeakSet[Lanes] = weakref.WeakSet()
_lock = threading.Lock()  # a weak dictionary's own get-or-create is not one step
_of_process = Lanes(MemoryStore())


def process_lanes() -> Lanes:
    """Return the lanes that every client of this process shares, unless it is told otherwise."""
    return _of_process


def _start_anew() -> None:
    """A forked child has waiters and answers of its own only, also in a client made before."""
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it
    for lanes in _all:
        lanes.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
