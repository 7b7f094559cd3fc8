"""Timers that would still ring: what a leak check of tasks and sockets does not see."""

from __future__ import annotations

import asyncio
import gc

__all__ = ("timers_left",)


def timers_left() -> list[str]:
    """Return the timers of gemstream that would still ring."""
    timers = [one for one in gc.get_objects() if isinstance(one, asyncio.TimerHandle)]
    return [repr(timer) for timer in timers if not timer.cancelled() and _is_ours(timer)]


def _is_ours(timer: asyncio.TimerHandle) -> bool:
    called = [one for one in gc.get_referents(timer) if callable(one)]
    return any(one.__module__.startswith("gemstream") for one in called)
