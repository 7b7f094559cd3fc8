"""Thought signatures kept for callers who strip what they do not know: most SDKs do.

In the memory of one process, and of nobody but the key that the answer was made for. What is lost,
by a restart or to another worker, is repaired by a sentinel that the service takes instead.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from ..wire.dialect.signature import SignatureWrite, text_digest

__all__ = ("Signatures", "TenantSignatures")

_DAY = 24 * 3600.0
_LARGEST = 64 * 1024
_MOST_PER_TENANT = 4 * 1024 * 1024
_MOST_TENANTS = 1024


class TenantSignatures:
    """Those of one key: kept for a day after their last use, the oldest dropped above 4 MiB."""

    __slots__ = ("_clock", "_kept", "_size")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._size = 0

    def of_call(self, call_id: str) -> str | None:
        """Return the signature of the call that the caller knows by ``call_id``."""
        return self._find(f"call {call_id}")

    def of_text(self, text: str) -> str | None:
        """Return the signature of the answer whose whole text is ``text``."""
        return self._find(f"text {text_digest(text)}") if self._kept else None

    def keep(self, writes: Iterable[SignatureWrite]) -> None:
        """Keep what an answer brought; one that is larger than 64 KiB is not."""
        for write in writes:
            if len(write.value) > _LARGEST:
                continue
            if write.call_id is not None:
                self._put(f"call {write.call_id}", write.value)
            if write.text is not None:
                self._put(f"text {text_digest(write.text)}", write.value)

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def _find(self, name: str) -> str | None:
        found = self._kept.get(name)
        if found is None:
            return None
        value, used_at = found
        now = self._clock()
        if now - used_at > _DAY:
            self._drop(name)
            return None
        self._kept[name] = (value, now)
        self._kept.move_to_end(name)
        return value

    def _put(self, name: str, value: str) -> None:
        self._drop(name)
        self._kept[name] = (value, self._clock())
        self._size += len(name) + len(value)
        while self._size > _MOST_PER_TENANT:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: str) -> None:
        found = self._kept.pop(name, None)
        if found is not None:
            self._size -= len(name) + len(found[0])


class Signatures:
    """Those of all keys; ``clock``: seconds that never step."""

    __slots__ = ("_clock", "_tenants")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tenants: OrderedDict[str, TenantSignatures] = OrderedDict()

    def of_key(self, key_id: str) -> TenantSignatures:
        """Return those of one key, and of no other."""
        tenant = self._tenants.get(key_id)
        if tenant is None:
            tenant = self._tenants[key_id] = TenantSignatures(self._clock)
            while len(self._tenants) > _MOST_TENANTS:
                self._tenants.popitem(last=False)
        self._tenants.move_to_end(key_id)
        return tenant
