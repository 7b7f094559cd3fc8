"""What an async iterator gives, taken by threads one item at a time; who leaves, loses none.

Strategy. An item waits in the task that read it until a thread has taken it. A Ctrl-C cancels the
wait and the read under it; a read that was done by then stays, first in line for whoever comes
next. Each item is a hop between threads, 60 µs: of a Live session there are 50 in a second.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from ...errors import InvalidState
from ..loop_thread import LoopThread

__all__ = ("Pull", "Readers")

T = TypeVar("T")


class Readers:
    """Lets one thread at a time read a session, whatever it reads it as."""

    __slots__ = ("_lock", "_on_loop", "_reader", "_thread")

    def __init__(self, thread: LoopThread) -> None:
        self._thread = thread
        self._lock = threading.Lock()
        # A thread and no lock: a Ctrl-C between taking and trying would leave a lock taken for
        # good, while the thread it came to may always read on.
        self._reader: int | None = None
        # A reader that was interrupted is still being cancelled when the next one comes.
        self._on_loop = asyncio.Lock()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other threads from reading meanwhile; raises InvalidState when one does already."""
        with self._lock:
            if self._reader not in (None, threading.get_ident()):
                raise InvalidState("the session is already being read by another thread")
            self._reader = threading.get_ident()
        try:
            yield
        finally:
            self._reader = None

    def run(self, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what ``read`` returns on the loop; one that is interrupted is cancelled."""
        return self._thread.run(self._read(read))

    async def _read(self, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._on_loop:
            return await read()


class Pull(Generic[T]):
    """Takes the items of an iterator in threads; ``before`` is called on the loop for each."""

    __slots__ = ("_before", "_items", "_readers", "_task")

    def __init__(
        self,
        items: AsyncIterator[T],
        readers: Readers,
        before: Callable[[], None] | None = None,
    ) -> None:
        self._items = items
        self._before = before
        self._readers = readers
        self._task: asyncio.Task[T] | None = None  # of the next item, also when it is here

    def next(self) -> T:
        """Return the next item; raises StopIteration at the end, and what the iterator raises."""
        with self._readers.alone():
            task = self._readers.run(self._ready)
            self._task = None
            try:
                return task.result()
            except StopAsyncIteration:
                raise StopIteration from None

    def left(self) -> list[T]:
        """Return the item that no thread has taken, if there is one; called on the loop."""
        task, self._task = self._task, None
        return [task.result()] if task is not None and _has_result(task) else []

    async def _ready(self) -> asyncio.Task[T]:
        """Return the read that is done, and keep it."""
        if self._task is None or self._task.cancelled():
            self._task = asyncio.create_task(self._read(), name="gemstream live read")
            # Or an error that nobody comes for any more would be logged.
            self._task.add_done_callback(_has_result)
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.wait([self._task])
            raise
        return self._task

    async def _read(self) -> T:
        if self._before is not None:
            self._before()
        return await anext(self._items)


def _has_result(task: asyncio.Task[T]) -> bool:
    return not task.cancelled() and task.exception() is None
