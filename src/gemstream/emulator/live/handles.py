"""Resumption handles: what was said until then, kept for two hours after the connection ended.

Source: https://ai.google.dev/gemini-api/docs/live-session#session-resumption.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...wire.content import Content
from ..clock import Clock

__all__ = ("HANDLE_SECONDS", "MAX_HANDLES", "Handles", "Owner")

HANDLE_SECONDS = 2 * 60 * 60
MAX_HANDLES = 10_000  # the oldest go first


class Owner(msgspec.Struct):
    """The connection that handles were given to; ``ended_at`` is when it ended, None before."""

    key_hash: str
    ended_at: float | None = None


class _Kept(msgspec.Struct, frozen=True):
    owner: Owner
    history: Sequence[Content]  # grows on with its session
    length: int


class Handles:
    """Histories by handle."""

    __slots__ = ("_clock", "_kept")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def keep(self, handle: str, owner: Owner, history: Sequence[Content]) -> None:
        """Keep what ``history`` holds now; it may grow at its end, and only there."""
        self._kept[handle] = _Kept(owner, history, len(history))
        if len(self._kept) > MAX_HANDLES:
            del self._kept[next(iter(self._kept))]

    def history_of(self, handle: str, key_hash: str) -> list[Content] | None:
        """Return what was said until ``handle``; None for one that is unknown, old or another's."""
        kept = self._kept.get(handle)
        if kept is None or kept.owner.key_hash != key_hash:
            return None
        ended_at = kept.owner.ended_at
        if ended_at is not None and self._clock.now() - ended_at > HANDLE_SECONDS:
            del self._kept[handle]
            return None
        return list(kept.history[: kept.length])

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()
