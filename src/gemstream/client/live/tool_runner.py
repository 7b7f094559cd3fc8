"""Runs the functions that the model calls in a Live session, and sends what they return."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TypeAlias

from ...errors import GemstreamError, InvalidRequest
from ...policy.live.resumed import SessionEvent
from ...policy.live.server_event import ToolCallCancelled, ToolCalled
from ...wire.content import FunctionCall, FunctionResponse
from ..tools.function_result import failure
from ..tools.registry import ToolRegistry

__all__ = ("FOR_FUNCTIONS", "MAX_PARALLEL", "SendResponses", "ToolRunner")

# Each may take a thread; a model asks for two or three at once.
MAX_PARALLEL = 16

# The events that a runner has to be told; whoever hears all of them need not call it for each.
FOR_FUNCTIONS: frozenset[type] = frozenset({ToolCalled, ToolCallCancelled})

SendResponses: TypeAlias = Callable[[Sequence[FunctionResponse]], Awaitable[None]]


class ToolRunner:
    """One task for each call: at most ``max_parallel`` run at a time, the others wait in order.

    ``send``: the session's ``send_tool_response``. A response is sent as soon as it is there. When
    that cannot be sent any more, because the session is closed or the call was cancelled
    meanwhile, the task ends in silence: whoever reads the session is told of its end.
    """

    __slots__ = ("_by_call", "_is_over", "_registry", "_running", "_send", "_slots")

    def __init__(
        self, registry: ToolRegistry, send: SendResponses, *, max_parallel: int = MAX_PARALLEL
    ) -> None:
        self._registry = registry
        self._send = send
        self._slots = asyncio.Semaphore(max_parallel)
        self._by_call: dict[str, asyncio.Task[None]] = {}  # calls that wait for their response
        # With those that were cancelled, in order; an empty set takes 0.2 KiB in each session.
        self._running: dict[asyncio.Task[None], None] = {}
        self._is_over = False

    def receive(self, event: SessionEvent) -> None:
        """Take note of what happens in the session: start the functions, or cancel them.

        Calls that are the caller's to answer are left alone. Every other event passes.
        """
        if isinstance(event, ToolCalled):
            for call in event.calls:
                if self._registry.runs(call) and not self._is_over:
                    self._start(call)
        elif isinstance(event, ToolCallCancelled):
            for key in event.ids:
                self._cancel(key)

    def left(self, calls: Sequence[FunctionCall]) -> list[FunctionCall]:
        """Return those of ``calls`` that are the caller's to answer."""
        return [call for call in calls if not self._registry.runs(call)]

    async def aclose(self) -> None:
        """Cancel every function and wait until its task is gone; again is harmless.

        A function that closes the session itself is not cancelled. Cancelling leaves the tasks
        cancelled and stops the wait.
        """
        self._is_over = True
        own = asyncio.current_task()
        for key, task in list(self._by_call.items()):
            if task is not own:
                self._cancel(key)
        self._by_call.clear()
        if others := self._running.keys() - {own}:
            await asyncio.wait(others)

    def _start(self, call: FunctionCall) -> None:
        key = _key(call)
        task = asyncio.create_task(self._answer(call), name=f"gemstream tool {call.name}")
        self._by_call[key] = task
        self._running[task] = None
        task.add_done_callback(functools.partial(self._forget, key))

    def _cancel(self, key: str) -> None:
        task = self._by_call.pop(key, None)
        if task is not None:
            task.cancel()

    def _forget(self, key: str, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if self._by_call.get(key) is task:
            del self._by_call[key]

    async def _answer(self, call: FunctionCall) -> None:
        async with self._slots, aclosing(self._registry.responses(call)) as responses:
            async for response in responses:
                # A function may have caught its cancellation and returned all the same.
                if self._by_call.get(_key(call)) is not asyncio.current_task():
                    return
                if not await self._is_sent(call, response):
                    return

    async def _is_sent(self, call: FunctionCall, response: FunctionResponse) -> bool:
        """Send; False when nobody waits for more of it."""
        try:
            await self._send([response])
        except InvalidRequest as error:  # it is too large
            with suppress(GemstreamError):
                await self._send([failure(call, str(error), response.scheduling)])
            return False
        except GemstreamError:
            return False
        return True


def _key(call: FunctionCall) -> str:
    return call.id or call.name or ""
