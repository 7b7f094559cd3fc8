"""The functions that a model may call, by name, and their calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from difflib import get_close_matches
from typing import Any

import msgspec

from ...errors import InvalidRequest
from ...wire.content import FunctionCall, FunctionResponse, Scheduling
from ...wire.tool import FunctionDeclaration
from .function_result import failure, response_to
from .function_tool import FunctionTool, checked_timeout
from .invocation import End, next_value, returned_by, told, values_of

__all__ = ("DEFAULT_TIMEOUT", "ToolRegistry")

DEFAULT_TIMEOUT = 60.0


class ToolRegistry:
    """Functions and how their calls are run: a call gives a response, whatever happens.

    ``timeout``: seconds for a call of a tool that has no limit of its own. ``others``: names of
    functions that the program declared and answers by itself. ``leaves_unknown``: so it does those
    that nobody declared, as computer use brings them. Raises InvalidRequest for a function that
    cannot be declared and for two of one name.
    """

    __slots__ = ("_leaves_unknown", "_others", "_timeout", "_tools")

    def __init__(
        self,
        tools: Sequence[FunctionTool | Callable[..., Any]] = (),
        *,
        timeout: float = DEFAULT_TIMEOUT,
        others: Collection[str] = (),
        leaves_unknown: bool = False,
    ) -> None:
        self._timeout = checked_timeout(timeout, "tool_timeout")
        self._others: Collection[str] = frozenset(others) if others else ()
        self._leaves_unknown = leaves_unknown
        self._tools: dict[str, FunctionTool] = {}
        for given in tools:
            tool = given if isinstance(given, FunctionTool) else FunctionTool(given)
            if tool.name in self._tools or tool.name in self._others:
                raise InvalidRequest(
                    f"two functions have the name {tool.name!r}; give one of them another, by "
                    "FunctionTool(function, name=…)"
                )
            self._tools[tool.name] = tool

    @property
    def declarations(self) -> list[FunctionDeclaration]:
        """What the model is told of the functions, in the order they were given in."""
        return [tool.declaration for tool in self._tools.values()]

    def find(self, name: str | None) -> FunctionTool | None:
        """Return the tool of this name; None for one that is not here."""
        return self._tools.get(name or "")

    def runs(self, call: FunctionCall) -> bool:
        """True when the call is answered here; False when it is the program's to answer.

        A call of a function that nobody declared is answered, by a failure.
        """
        name = call.name or ""
        return name in self._tools or not (self._leaves_unknown or name in self._others)

    async def run(self, call: FunctionCall) -> FunctionResponse:
        """Return the response to ``call``, with its id and name; raises nothing.

        Whatever goes wrong is its ``error``: a function that is not here, arguments that do not
        fit, what the function raises (without a traceback), its time limit, a result that JSON
        cannot say. What an async generator yields is the ``result``, as a list. Cancelling cancels
        the function; a sync one runs on in its thread and its result is dropped.
        """
        tool = self.find(call.name)
        if tool is None:
            return failure(call, self._unknown(call.name or ""))
        try:
            returned = await returned_by(tool, call.args, self._limit(tool))
            return response_to(call, returned, tool.scheduling)
        except Exception as error:
            return failure(call, told(error), tool.scheduling)

    async def responses(self, call: FunctionCall) -> AsyncGenerator[FunctionResponse, None]:
        """Yield the responses to ``call`` as they come; one, except of a generator.

        Each value of a NON_BLOCKING async generator is a response that ``will_continue``, and an
        empty one is the end; the time limit counts from one value to the next.
        """
        tool = self.find(call.name)
        if tool is None or not tool.is_streamed:
            yield await self.run(call)
            return
        # To be told of the end alone would make the model speak again; of no value at all, not.
        end = tool.scheduling
        try:
            async with aclosing(values_of(tool, call.args)) as values:
                while (value := await next_value(tool, values, self._limit(tool))) is not End.END:
                    yield _more(response_to(call, value, tool.scheduling), will_continue=True)
                    end = Scheduling.SILENT
        except Exception as error:
            yield _more(failure(call, told(error), tool.scheduling), will_continue=False)
        else:
            nothing = FunctionResponse(id=call.id, name=call.name, response={}, scheduling=end)
            yield _more(nothing, will_continue=False)

    def __len__(self) -> int:
        return len(self._tools)

    def __repr__(self) -> str:
        return f"<ToolRegistry {', '.join(self._tools) or 'empty'}>"

    def _limit(self, tool: FunctionTool) -> float:
        return self._timeout if tool.timeout is None else tool.timeout

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self._tools, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self._tools)}"
        return f"there is no function {name!r}; {hint}"


def _more(response: FunctionResponse, *, will_continue: bool) -> FunctionResponse:
    return msgspec.structs.replace(response, will_continue=will_continue)
