"""What belongs to a world: shared by all who have the same transport of their own, by no other."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ("Worlds",)

T = TypeVar("T")


class Worlds(Generic[T]):
    """One thing for each world, made at the first use and gone with it; safe from many threads."""

    __slots__ = ("__weakref__", "_lock", "_make", "_things")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._things: weakref.WeakKeyDictionary[object, T] = weakref.WeakKeyDictionary()
        self.start_anew()
        _all.add(self)

    def of(self, world: object) -> T:
        """Return what belongs to ``world``."""
        try:
            with self._lock:  # a weak dictionary's own get-or-create is not one step
                return self._things.setdefault(world, self._make())
        except TypeError:  # it can be no key, so nobody else can name it
            return self._make()

    def start_anew(self) -> None:
        """Be usable in the child of a fork, whatever thread of the parent was just in here."""
        self._lock = threading.Lock()


_all: weakref.WeakSet[Worlds[Any]] = weakref.WeakSet()


def _start_anew() -> None:
    for worlds in _all:
        worlds.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
