"""The one background event loop of a process, on which the blocking client runs."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ("LoopThread", "loop_thread")

T = TypeVar("T")


class LoopThread:
    """A daemon thread that runs an event loop, uvloop's where it is installed."""

    def __init__(self) -> None:
        self.loop = _new_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="gemstream loop", daemon=True
        )
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return the coroutine's result; KeyboardInterrupt and the like cancel it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


_lock = threading.Lock()
_running: LoopThread | None = None


def loop_thread() -> LoopThread:
    """Return this process's loop, started on first use."""
    global _running
    with _lock:
        if _running is None:
            _running = LoopThread()
        return _running


def _forget() -> None:
    """Threads do not survive a fork: the child starts its own loop."""
    global _running, _lock
    _running = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
