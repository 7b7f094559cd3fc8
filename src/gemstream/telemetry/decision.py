"""What a limiter tells: every decision it takes, as a value."""

from __future__ import annotations

import enum
from collections.abc import Callable

import msgspec

__all__ = ("Decision", "Told", "Verdict")


class Verdict(enum.Enum):
    """What was decided."""

    GRANTED = "granted"
    """The request may be sent; ``delay`` is how long it waited."""
    WAITING = "waiting"
    """It has to wait; ``delay`` is how long at least, None when nobody knows."""
    PAUSED = "paused"
    """A stream is read on only in ``delay``: more tokens were used than allowed."""
    REFUSED = "refused"
    """It is not sent."""
    HELD = "held"
    """The service asked everybody to hold back for ``delay``."""
    LEARNED = "learned"
    """The service named a limit of its own, or answers went wrong or well: ``amount`` is new."""
    AWAY = "away"
    """The shared books are out of reach; what then holds is in ``setting``."""
    BACK = "back"
    """The shared books are back."""
    LOST = "lost"
    """The shared books had forgotten what still runs; it is counted again, over the limit if so."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision about ``scope``, an account and a model.

    ``quota``: the limit it was about, as ``rpm``. ``amount``: how much that allows. ``delay``: in
    seconds. ``ahead``: how many requests waited before this one. ``setting``: what decided the
    amount, and what changes it.
    """

    verdict: Verdict
    scope: str
    quota: str = ""
    amount: int | None = None
    delay: float | None = None
    ahead: int = 0
    setting: str = ""


Told = Callable[[Decision], None]
