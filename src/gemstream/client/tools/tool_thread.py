"""A function that may block, run in a thread of its own.

Not in the event loop's pool, which has six threads on a machine of two cores: functions that hang
would keep name resolution and file reading from theirs, and ``asyncio.run`` from ending.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

__all__ = ("run_in_thread",)

_Outcome: TypeAlias = tuple[Any, BaseException | None]


async def run_in_thread(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return what ``function`` returns, or raise what it raises; it has our context variables.

    Cancelling stops the wait: the thread runs on, and its outcome is dropped. A thread that is
    still running does not keep the program from ending.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[_Outcome] = loop.create_future()

    def settle(outcome: _Outcome) -> None:
        if not ended.done():  # else nobody waits any more
            ended.set_result(outcome)

    def call() -> None:
        outcome = _outcome(function, arguments)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    run = contextvars.copy_context().run
    name = f"gemstream tool {getattr(function, '__name__', '')}"
    threading.Thread(target=run, args=(call,), name=name, daemon=True).start()
    returned, error = await ended
    if error is not None:
        raise error
    return returned


def _outcome(function: Callable[..., Any], arguments: Mapping[str, Any]) -> _Outcome:
    try:
        return function(**arguments), None
    except BaseException as error:  # what ends a program is to be raised where it is waited for
        return None, error
