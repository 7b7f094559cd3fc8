"""Where limits are counted, by name: ``process``, ``machine``, or the URL of a Redis."""

from __future__ import annotations

import os
import threading
from typing import ClassVar

from ..errors import ConfigError
from ..telemetry.decision import Decision, Told
from .away import AWAY, Away
from .lanes import Lanes, process_lanes
from .redis_store import RedisStore
from .sqlite_store import SQLiteStore, limits_file
from .store import LimitStore

__all__ = ("PROCESS", "check_store", "lanes_at")

PROCESS = "process"
MACHINE = "machine"
_REDIS = ("redis://", "rediss://", "unix://")


def lanes_at(name: str, away: str = Away.SHARE.value) -> Lanes:
    """Return the lanes to the books that ``name`` names, the same for all who name them so.

    ``away``: what limits do while a Redis cannot be reached, see ``Away``. Raises ConfigError.
    """
    if name == PROCESS:
        return process_lanes()
    with _Opened.lock:
        key = (name, away, os.getpid())
        lanes = _Opened.lanes.get(key)
        if lanes is None:
            lanes = _Opened.lanes[key] = _opened(name, away)
    return lanes


def check_store(store: LimitStore | str) -> None:
    """Raise ConfigError for what limits cannot be counted in; nothing is opened."""
    if isinstance(store, str):
        if store in (PROCESS, MACHINE) or store.startswith(_REDIS):
            return
        shown = "a URL of another kind" if "://" in store else repr(store)  # it may hold a password
    else:
        if callable(getattr(store, "reserve", None)):
            return
        shown = repr(store)
    raise ConfigError(
        f'limit_store is {shown:.80}; it takes "process", "machine", the URL of a Redis, as '
        "redis://localhost:6379/0, or a LimitStore"
    )


class _Opened:
    """The lanes of this process to books that it shares, by what names them."""

    lanes: ClassVar[dict[tuple[str, str, int], Lanes]] = {}
    lock = threading.Lock()


def _opened(name: str, away: str) -> Lanes:
    told: list[Lanes] = []  # those that the store's own decisions are told to

    def tell(decision: Decision) -> None:
        for lanes in told:
            lanes.tell(decision)

    lanes = Lanes(_store(name, away, tell))
    told.append(lanes)
    return lanes


def _store(name: str, away: str, tell: Told) -> LimitStore:
    if name == MACHINE:
        return SQLiteStore(limits_file(os.environ), told=tell)
    check_store(name)
    return RedisStore(name, away=dict.fromkeys(AWAY, Away(away)), told=tell)
