"""An event loop run turn by turn, to hit a call at every await it has, whatever its name."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ("is_cancelled_after", "let_run")


async def let_run(number: int) -> None:
    """Let the loop run ``number`` times."""
    loop = asyncio.get_running_loop()
    for _ in range(number):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned


async def is_cancelled_after(turns: int, call: Coroutine[Any, Any, object]) -> bool:
    """Return whether ``call`` was cancelled; False when it was done before."""
    task = asyncio.create_task(call)
    await let_run(turns)
    was_running = task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() is was_running, task.exception()
    return was_running
