"""The one background event loop of a process, on which the blocking client runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from ..errors import InvalidState

__all__ = ("SIGNAL_CHECK", "LoopThread", "loop_thread")

T = TypeVar("T")


# A Ctrl-C in the moment before a thread blocks does not wake it; this is how late it is then seen.
SIGNAL_CHECK = 1.0


class LoopThread:
    """A daemon thread that runs an event loop, uvloop's where it is installed."""

    def __init__(self) -> None:
        self.loop = _new_loop()
        self.stayed_behind = False  # in the parent of a fork; this is its child
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="gemstream loop", daemon=True
        )
        self._thread.start()

    def check(self) -> None:
        """Raise InvalidState in the child of a fork."""
        if self.stayed_behind:
            raise InvalidState(
                "this client was made before a fork and its connections belong to the parent; "
                "make a new one in the child"
            )

    def notify(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call ``callback`` on the loop soon; the child of a fork has nobody to tell."""
        if not self.stayed_behind and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(callback, *arguments)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start the coroutine; raises InvalidState in the child of a fork."""
        try:
            self.check()
        except InvalidState:
            coroutine.close()
            raise
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return the coroutine's result; KeyboardInterrupt and the like cancel it."""
        future = self.submit(coroutine)
        try:
            while not future.done():
                with contextlib.suppress(TimeoutError):
                    future.exception(SIGNAL_CHECK)
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def run_closing(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run what closes something; the child of a fork has nothing to close."""
        if self.stayed_behind:
            coroutine.close()
        else:
            self.run(coroutine)


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
    if _running is not None:
        _running.stayed_behind = True
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
