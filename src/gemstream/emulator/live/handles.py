"""Resumption handles: what was said until then, kept for two hours after the session ended.

A session goes on in one connection at a time: the service refuses to resume one whose earlier
connection is open, with 1011, as was verified against it in September 2026
(https://github.com/aicc2025/sip-to-ai/pull/14).

Source: https://ai.google.dev/gemini-api/docs/live-session#session-resumption.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...wire.content import Content
from ..clock import Clock
from .ending import SessionEnd

__all__ = ("HANDLE_SECONDS", "MAX_HANDLES", "Handles", "Line", "Owner")

HANDLE_SECONDS = 2 * 60 * 60
MAX_HANDLES = 10_000  # the oldest go first


class Line(msgspec.Struct):
    """The connections of one session, one after the other; ``newest`` is None before the first."""

    newest: Owner | None = None


class Owner(msgspec.Struct):
    """The connection that handles were given to; ``ended_at`` is when it ended, None before."""

    key_hash: str
    ended_at: float | None = None
    line: Line = msgspec.field(default_factory=Line)

    def __post_init__(self) -> None:
        self.line.newest = self

    def follow(self, earlier: Owner) -> None:
        """Be the newest connection of the session of ``earlier``."""
        self.line = earlier.line
        self.line.newest = self


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

    def resume(self, handle: str, owner: Owner) -> list[Content]:
        """Return what was said until ``handle``, in a session that goes on with ``owner``.

        Raises SessionEnd for one that is unknown, old or another's, and while an earlier connection
        of the session is still open.
        """
        kept = self._kept.get(handle)
        if kept is None or kept.owner.key_hash != owner.key_hash:
            raise SessionEnd(1008, "BidiGenerateContent session not found")
        newest = kept.owner.line.newest or kept.owner
        if newest.ended_at is None:
            raise SessionEnd(1011, "The session is still open on another connection.")
        if self._clock.now() - newest.ended_at > HANDLE_SECONDS:
            del self._kept[handle]
            raise SessionEnd(1008, "BidiGenerateContent session not found")
        owner.follow(kept.owner)
        return list(kept.history[: kept.length])

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()
