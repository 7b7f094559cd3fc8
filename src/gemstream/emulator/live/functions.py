"""The functions that a session's model calls: which it waits for, and when it tells a result; pure.

A function whose behavior is NON_BLOCKING is not waited for. One that says nothing of its behavior
is, as on the models before Gemini 3.8.
Source: https://ai.google.dev/gemini-api/docs/live-tools#async-function-calling.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...wire.content import FunctionCall, FunctionResponse, Part, Scheduling
from ...wire.tool import Behavior, Tool

__all__ = ("Functions",)


class Functions:
    """The calls of one session; ``tools`` are those that are declared at the moment."""

    __slots__ = ("_count", "_running", "tools")

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = tools
        self._count = 0
        self._running: dict[str, bool] = {}  # id → True once it has given a result of several

    def numbered(self, parts: Sequence[Part]) -> list[FunctionCall]:
        """Return the calls in ``parts``, each with an id of its session."""
        calls = []
        for part in parts:
            if part.function_call is not None:
                self._count += 1
                id = f"function-call-{self._count}"
                calls.append(msgspec.structs.replace(part.function_call, id=id))
        return calls

    def begin(self, calls: Sequence[FunctionCall]) -> list[FunctionCall]:
        """Note that ``calls`` are made; returns those that the model waits for."""
        for call in calls:
            if not self._blocks(call):
                self._running[call.id or ""] = False
        return [call for call in calls if self._blocks(call)]

    def is_running(self, response: FunctionResponse) -> bool:
        """True for a result of a function that nobody waits for."""
        return (response.id or "") in self._running

    def schedule(self, response: FunctionResponse) -> Scheduling:
        """Note a result of a running function; returns when the model is to tell it.

        SILENT also for an empty result that only ends a call which has given results.
        """
        id = response.id or ""
        has_given = self._running.pop(id)
        if response.will_continue:
            self._running[id] = True
        elif has_given and not response.response and not response.parts:
            return Scheduling.SILENT
        scheduling = response.scheduling
        is_known = scheduling in (Scheduling.SILENT, Scheduling.INTERRUPT)
        return scheduling if scheduling is not None and is_known else Scheduling.WHEN_IDLE

    def _blocks(self, call: FunctionCall) -> bool:
        declared = (one for tool in self.tools for one in tool.function_declarations)
        behavior = next((one.behavior for one in declared if one.name == call.name), None)
        return behavior is not Behavior.NON_BLOCKING
