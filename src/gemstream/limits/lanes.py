"""All lanes to one set of books: made at the first use of a scope, dropped when idle and full."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict

from .lane import Lane
from .memory_store import MemoryStore
from .store import LimitStore

__all__ = ("Lanes", "lanes_in", "lanes_of", "process_lanes")

# So many old lanes are looked at for each new one: memory follows use, and no one call pays.
_SWEPT = 2


class Lanes:
    """The lanes of one store; safe from many threads."""

    __slots__ = ("__weakref__", "_lanes", "_lock", "_used", "store")

    def __init__(self, store: LimitStore) -> None:
        self.store = store
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        # One that was dropped while somebody still has it: a second beside it would not wake those
        # who wait in the first.
        self._used: weakref.WeakValueDictionary[str, Lane] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()  # held for get-or-create only, never over an await

    def of(self, scope: str) -> Lane:
        """Return the lane of ``scope``, an account and a model."""
        lane = self._lanes.get(scope)
        if lane is None:
            with self._lock:
                lane = self._lanes.get(scope)
                if lane is None:
                    self._sweep()
                    lane = self._used.get(scope) or Lane(scope, self.store)
                    self._lanes[scope] = self._used[scope] = lane
        return lane

    def __len__(self) -> int:
        """Return how many lanes there are."""
        return len(self._lanes)

    def _sweep(self) -> None:
        """Drop some old lanes that nobody would miss."""
        for _ in range(min(_SWEPT, len(self._lanes))):
            scope, lane = self._lanes.popitem(last=False)
            if not lane.sweep():
                self._lanes[scope] = lane


def lanes_in(store: LimitStore) -> Lanes:
    """Return the lanes to the books of ``store``: the same for all who have it."""
    return _of_stores.setdefault(id(store), Lanes(store))


def lanes_of(world: object) -> Lanes:
    """Return the lanes in memory of ``world``, as a transport: the same for all who have it."""
    try:
        return _of_worlds.setdefault(world, Lanes(MemoryStore()))
    except TypeError:  # it can be no key, so nobody else can name it
        return Lanes(MemoryStore())


# By identity, and for as long as a client has them: lanes hold their store.
_of_stores: weakref.WeakValueDictionary[int, Lanes] = weakref.WeakValueDictionary()
_of_worlds: weakref.WeakKeyDictionary[object, Lanes] = weakref.WeakKeyDictionary()


class _Process:
    """The lanes of this process; a forked child starts with its own, for it inherits no answer."""

    lanes = Lanes(MemoryStore())


def process_lanes() -> Lanes:
    """Return the lanes that every client of this process shares, unless it is told otherwise."""
    return _Process.lanes


def _start_anew() -> None:
    _Process.lanes = Lanes(MemoryStore())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
