"""A function, called with a model's arguments; whatever goes wrong becomes words for the model.

An async function runs in the task that asks, a sync one in a thread, so that it may block.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
import logging
import math
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Literal, TypeVar

from ...errors import InvalidRequest
from ...wire.codec import JSONObject
from .function_tool import FunctionTool
from .tool_thread import run_in_thread

__all__ = ("MAX_VALUES", "CallFailed", "End", "next_value", "returned_by", "told", "values_of")

# A generator that never stops to yield would fill memory before its time is over.
MAX_VALUES = 10_000

T = TypeVar("T")
_log = logging.getLogger("gemstream.tools")


class CallFailed(Exception):
    """Why a call has no result, in words for the model."""


class End(enum.Enum):
    """What comes after the last value."""

    END = "end"


async def returned_by(tool: FunctionTool, args: JSONObject | None, timeout: float) -> Any:
    """Return what the function returns within ``timeout`` seconds; of a generator, all it yields.

    Raises CallFailed. Cancelling cancels the function.
    """
    arguments = _bound(tool, args)
    return await _within(timeout, tool, _whole(tool, arguments))


def values_of(tool: FunctionTool, args: JSONObject | None) -> AsyncGenerator[Any, None]:
    """Return the generator that a function of this kind makes; raises CallFailed."""
    generator: AsyncGenerator[Any, None] = tool.function(**_bound(tool, args))
    return generator


async def next_value(
    tool: FunctionTool, values: AsyncGenerator[Any, None], timeout: float
) -> Any | Literal[End.END]:
    """Return the next value if it comes within ``timeout`` seconds; raises CallFailed."""
    return await _within(timeout, tool, anext(values, End.END))


def told(error: Exception) -> str:
    """Return what the model is told of ``error``: its kind and its text, no traceback."""
    try:
        text = str(error)
    except Exception:  # the program's own class
        text = ""
    if isinstance(error, CallFailed | InvalidRequest):
        return text
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind


def _bound(tool: FunctionTool, args: JSONObject | None) -> dict[str, Any]:
    try:
        return tool.arguments(args)
    except Exception as error:  # a validator of the program may raise anything
        raise CallFailed(told(error)) from None


async def _whole(tool: FunctionTool, arguments: dict[str, Any]) -> Any:
    if tool.is_sync:
        returned = await run_in_thread(tool.function, arguments)
    else:
        returned = tool.function(**arguments)
    if inspect.isawaitable(returned):  # also of a sync function around an async one
        returned = await returned
    return await _collected(returned) if isinstance(returned, AsyncGenerator) else returned


async def _collected(values: AsyncGenerator[Any, None]) -> list[Any]:
    collected: list[Any] = []
    try:
        async for value in values:
            if len(collected) == MAX_VALUES:
                raise CallFailed(f"it yielded more than {MAX_VALUES:,} values")
            collected.append(value)
    finally:
        await values.aclose()
    return collected


async def _within(timeout: float, tool: FunctionTool, work: Awaitable[T]) -> T:
    limit = asyncio.timeout(None if math.isinf(timeout) else timeout)
    try:
        async with limit:
            return await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        said = "it was cancelled from within"  # else nobody would ever answer the call
    except CallFailed as error:
        said = str(error)
    except Exception as error:
        if not limit.expired():
            _log.warning("function %s failed; the model is told", tool.name, exc_info=error)
            raise CallFailed(told(error)) from None
        said = f"it took longer than {timeout:g} s"
    _log.warning("function %s failed; the model is told: %s", tool.name, said)
    raise CallFailed(f"the function {tool.name} failed: {said}")
