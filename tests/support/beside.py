"""What serves a test, on an event loop and a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

__all__ = ("beside",)

T = TypeVar("T")


@contextmanager
def beside(server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Hold ``server`` open beside the block and give what it gives.

    So one server outlives the event loops of many tests, and a blocked test does not block it.
    """
    ready: Future[T] = Future()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def hold() -> None:
        async with server as given:
            ready.set_result(given)
            await over.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(hold())
            except BaseException as error:
                if ready.done():
                    raise
                ready.set_exception(error)

    thread = threading.Thread(target=run, name="beside", daemon=True)
    thread.start()
    try:
        yield ready.result()
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(over.set)
        thread.join()
