"""What a caller passes as ``tools`` → what goes on the wire, and the functions to be run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from ...errors import InvalidRequest
from ...wire.codec import to_plain
from ...wire.tool import FunctionDeclaration, Tool
from ..request import tools_of
from .function_tool import FunctionTool
from .registry import DEFAULT_TIMEOUT, ToolRegistry

__all__ = ("GivenTool", "given_tools")

GivenTool: TypeAlias = Tool | FunctionDeclaration | FunctionTool | Callable[..., Any]


def given_tools(
    tools: Sequence[GivenTool], timeout: float = DEFAULT_TIMEOUT
) -> tuple[list[Tool], ToolRegistry]:
    """Return the tools to declare, and the registry of the functions among them.

    Without functions every call is left to the program.
    Raises InvalidRequest for what is no tool, and for a function that cannot be one.
    """
    functions = [tool for tool in tools if isinstance(tool, FunctionTool) or callable(tool)]
    rest: list[Any] = [
        tool for tool in tools if not (isinstance(tool, FunctionTool) or callable(tool))
    ]
    for tool in rest:
        if not isinstance(tool, Tool | FunctionDeclaration):
            raise InvalidRequest(
                "a tool of a session is a function, a FunctionTool, a Tool or a "
                f"FunctionDeclaration, not {tool!r:.80}"
            )
    wire = tools_of(rest)
    registry = ToolRegistry(
        functions,
        timeout=timeout,
        others=list(_declared(wire)),
        # Computer use brings functions of its own, and an unread field might.
        leaves_unknown=not functions or any(tool.computer_use or tool.extra for tool in wire),
    )
    return tools_of([*rest, *registry.declarations]), registry


def _declared(tools: Sequence[Tool]) -> Iterator[str]:
    """Yield the names of the functions, whose declarations may be plain dicts."""
    for tool in tools:
        for declaration in tool.function_declarations:
            plain = to_plain(declaration)
            if isinstance(plain, dict) and isinstance(plain.get("name"), str):
                yield plain["name"]
