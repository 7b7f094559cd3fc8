"""What belongs to a scope, an account perhaps with a model: one thing each, as long as it matters.

Strategy. A thing that was idle and is dropped may still be in somebody's hands, who is about to
use it; whoever asks for its scope then must get the same one, or two would stand for one scope and
know nothing of each other. So what is dropped stays known by a weak reference until nobody has it.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ("Kept",)

# So many old things are looked at for each new one: memory follows use, and no one call pays.
_SWEPT = 2

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by scope, made at the first use by ``make``; safe from many threads.

    ``sweep``: forget what a thing need not remember; True when a new one would not do otherwise.
    """

    __slots__ = ("__weakref__", "_all", "_kept", "_lock", "_make", "_sweep")

    def __init__(self, make: Callable[[str], T], sweep: Callable[[T], bool]) -> None:
        self._make = make
        self._sweep = sweep
        self.start_anew()
        _everything.add(self)

    def of(self, scope: str) -> T:
        """Return what belongs to ``scope``."""
        thing = self._kept.get(scope)
        if thing is None:
            with self._lock:
                thing = self._kept.get(scope)
                if thing is None:
                    self._sweep_some()
                    thing = self._kept[scope] = self._known(scope)
        return thing

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def start_anew(self) -> None:
        """Keep nothing: in the child of a fork, where nobody is of whom it tells."""
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._all: weakref.WeakValueDictionary[str, T] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()  # held for get-or-create only, never over an await

    def _known(self, scope: str) -> T:
        thing = self._all.get(scope)
        if thing is None:
            thing = self._all[scope] = self._make(scope)
        return thing

    def _sweep_some(self) -> None:
        """Drop some old things that nobody would miss."""
        for _ in range(min(_SWEPT, len(self._kept))):
            scope, thing = self._kept.popitem(last=False)
            if not self._sweep(thing):
                self._kept[scope] = thing


_everything: weakref.WeakSet[Kept[Any]] = weakref.WeakSet()


def _start_anew() -> None:
    for kept in _everything:
        kept.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
