"""A function of the program that the model may call, and how it is declared."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from ...errors import InvalidRequest
from ...wire.codec import JSONObject
from ...wire.content import Scheduling
from ...wire.tool import Behavior, FunctionDeclaration
from .docstring import read_docstring
from .parameter import parameters_of, schema_of

__all__ = ("FunctionTool", "checked_scheduling", "checked_timeout")

# https://ai.google.dev/api/caching#FunctionDeclaration
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


class FunctionTool:
    """A function with what its hints and docstring do not say.

    ``function``: sync (it runs in a thread), async, an async generator, a method of an object, or
    an object that can be called. Its hints are the model's; its docstring, in the style of Google,
    NumPy or Sphinx, describes it and its parameters, unless ``description`` does or ``Annotated``
    holds a text. ``name``: else the function's own.

    For Live sessions: ``behavior`` NON_BLOCKING lets the conversation go on meanwhile and an async
    generator send each value as it comes; ``scheduling`` tells when the model may speak of the
    result. ``timeout``: seconds that a call may take, else the registry's.

    Raises InvalidRequest for a function that cannot be declared, saying why.
    """

    __slots__ = ("_parameters", "declaration", "function", "scheduling", "timeout")

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        behavior: Behavior | str | None = None,
        scheduling: Scheduling | str | None = None,
        timeout: float | None = None,
    ) -> None:
        name = _checked_name(function, name)
        what = f"function {name!r}"
        said = read_docstring(_docstring(function))
        self.function = function
        self._parameters = parameters_of(function, said.parameters, what=what)
        self.scheduling = checked_scheduling(scheduling)
        self.timeout = None if timeout is None else checked_timeout(timeout, "timeout")
        self.declaration = FunctionDeclaration(
            name=name,
            description=description or said.description or None,
            parameters_json_schema=schema_of(self._parameters, what=what),
            behavior=_checked_behavior(behavior),
        )
        if self.scheduling is not None and self.declaration.behavior == Behavior.BLOCKING:
            raise InvalidRequest(
                f"{what} is BLOCKING, so the model waits for it and its scheduling has no meaning; "
                "leave one of them out"
            )

    @property
    def name(self) -> str:
        """The name that the model calls it by."""
        return self.declaration.name or ""

    @property
    def is_streamed(self) -> bool:
        """True when each value of its calls is to be sent as it comes."""
        is_generator = inspect.isasyncgenfunction(_code(self.function))
        return is_generator and self.declaration.behavior == Behavior.NON_BLOCKING

    @property
    def is_sync(self) -> bool:
        """True when calling it may block, so that it belongs into a thread."""
        code = _code(self.function)
        return not (inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code))

    def arguments(self, args: JSONObject | None) -> dict[str, Any]:
        """Return the model's arguments as the hints want them.

        Raises InvalidRequest that tells the model all that is wrong with them.
        """
        given = args or {}
        known = {one.name: one for one in self._parameters}
        wrong = [
            f"argument {one.name!r} is missing"
            for one in self._parameters
            if one.is_required and one.name not in given
        ]
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                wrong.append(_stranger(name, known))
                continue
            try:
                values[name] = known[name].type.convert(value)
            except InvalidRequest as error:
                wrong.append(f"argument {name!r}: {error}")
        if wrong:
            raise InvalidRequest(f"the arguments of {self.name} do not fit: {'; '.join(wrong)}")
        return values

    def __repr__(self) -> str:
        return f"<FunctionTool {self.name}>"


def checked_scheduling(scheduling: Scheduling | str | None) -> Scheduling | None:
    """Return the member; raises InvalidRequest for what is none."""
    if scheduling is None:
        return None
    member = Scheduling(str(scheduling).upper())
    if not member.is_known:
        names = ", ".join(one.value for one in Scheduling)
        raise InvalidRequest(f"scheduling is {scheduling!r:.80}; use one of {names}")
    return member


def checked_timeout(timeout: object, option: str) -> float:
    """Return the seconds; raises InvalidRequest. ``math.inf`` is for as long as it takes."""
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not is_number or not timeout > 0:  # type: ignore[operator]  # a number by now
        raise InvalidRequest(
            f"{option} is {timeout!r:.80}; it must be a positive number of seconds, or math.inf"
        )
    return float(timeout)  # type: ignore[arg-type]


def _checked_behavior(behavior: Behavior | str | None) -> Behavior | None:
    if behavior is None:
        return None
    member = Behavior(str(behavior).upper())
    if not member.is_known:
        names = " or ".join(one.value for one in Behavior)
        raise InvalidRequest(f"behavior is {behavior!r:.80}; use {names}")
    return member


def _checked_name(function: object, name: object) -> str:
    """Return the name to declare; raises InvalidRequest for what is no function of one name."""
    _check_function(function)
    told = name if name is not None else getattr(function, "__name__", type(function).__name__)
    if told == "<lambda>":
        raise InvalidRequest(
            "a lambda has no name, hints or docstring for the model; write a function by def"
        )
    if not isinstance(told, str) or not _NAME.fullmatch(told):
        raise InvalidRequest(
            f"{told!r:.80} cannot be a function's name: it begins with a letter or _ and has up to "
            "128 of A-Z a-z 0-9 _ . : -; pass FunctionTool(function, name=…)"
        )
    return told


def _check_function(function: object) -> None:
    why = None
    if isinstance(function, functools.partial | functools.partialmethod):
        why = "a partial, which has no name or docstring; write a function by def that calls it"
    elif isinstance(function, type):
        why = "a class; pass a function that makes one"
    elif not callable(function):
        why = f"a {type(function).__name__}, which cannot be called"
    elif inspect.isgeneratorfunction(_code(function)):
        why = "a generator; make it an async one, or return a list"
    if why is not None:
        raise InvalidRequest(f"{function!r:.80} cannot be a tool: it is {why}")


def _code(function: object) -> object:
    """Return what runs when ``function`` is called."""
    return function if inspect.isroutine(function) else type(function).__call__


def _docstring(function: object) -> str | None:
    """Return its own docstring; of an object, its method's before its class's."""
    if inspect.isroutine(function):
        return inspect.getdoc(function)
    return type(function).__call__.__doc__ or inspect.getdoc(function)


def _stranger(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no argument {name!r}{hint}"
