"""The functions that the model has asked for in a session and has not been answered yet."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from ...errors import InvalidRequest, InvalidState
from ...wire.content import FunctionCall, FunctionResponse

__all__ = ("MAX_OPEN_CALLS", "CallFate", "ToolCalls")

# Far above what a model asks for at once; a service that never stops asking cannot fill memory.
MAX_OPEN_CALLS = 1_000
_MAX_ENDED = 1_000  # ended calls whose fate is remembered, to tell it


class CallFate(enum.Enum):
    """How a call ended."""

    ANSWERED = "answered"
    CANCELLED = "cancelled"


class ToolCalls:
    """Open calls by id, and how the last ended ones did.

    A call without an id, which Vertex AI may send, is known by its function's name.
    """

    __slots__ = ("_awaited", "_fates", "_open")

    def __init__(self) -> None:
        self._open: dict[str, str] = {}  # key → name of the function
        self._awaited: dict[str, None] = {}  # keys of _open; an empty set takes 0.2 KiB
        self._fates: dict[str, CallFate] = {}  # oldest first

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of the calls that wait for an answer."""
        return tuple(self._open)

    @property
    def is_awaited(self) -> bool:
        """True while the model may be silent because it waits for an answer."""
        return bool(self._awaited)

    def check_new(self, calls: Sequence[FunctionCall]) -> None:
        """Raise InvalidRequest for calls that cannot be open together."""
        if not calls:
            raise InvalidRequest("a tool call without function calls asks for nothing")
        keys = [_key(call) for call in calls]
        twice = [key for at, key in enumerate(keys) if key in self._open or key in keys[:at]]
        if twice:
            raise InvalidRequest(f"the call {twice[0]!r} is open already; each needs its own id")
        if len(self._open) + len(keys) > MAX_OPEN_CALLS:
            raise InvalidRequest(f"more than {MAX_OPEN_CALLS} calls would wait for an answer")

    def begin(self, calls: Iterable[FunctionCall]) -> None:
        """Note calls that ``check_new`` let through."""
        for call in calls:
            self._open[_key(call)] = call.name or ""
            self._awaited[_key(call)] = None

    def let_run(self) -> None:
        """Note that a turn ended: the model does not wait for calls that are open all the same."""
        self._awaited.clear()

    def check_known(self, response: FunctionResponse) -> None:
        """Raise InvalidRequest for a response to a call that never was."""
        key = _key(response)
        if key in self._open or key in self._fates:
            return
        near = get_close_matches(key, self._open, n=1)
        known = f"; did you mean {near[0]!r}" if near else _waiting(self._open)
        raise InvalidRequest(f"there is no call {key!r} to respond to{known}")

    def check_open(self, response: FunctionResponse) -> None:
        """Raise InvalidState for a response that comes too late, InvalidRequest as above."""
        self.check_known(response)
        key = _key(response)
        if key not in self._open:
            raise InvalidState(
                f"the call {key!r} was {self._fates[key].value} already; nobody waits for this "
                "response"
            )

    def is_open(self, response: FunctionResponse) -> bool:
        """True when the call that ``response`` belongs to waits for it."""
        return _key(response) in self._open

    def respond(self, response: FunctionResponse) -> None:
        """Note a response; one that ``will_continue`` leaves its call open."""
        if not response.will_continue:
            self._end(_key(response), CallFate.ANSWERED)

    def cancel(self, ids: Iterable[str]) -> None:
        """Note that nobody waits for these calls any more; calls that ended before stay so."""
        for key in ids:
            self._end(key, CallFate.CANCELLED)

    def check_cancellation(self, ids: Sequence[str]) -> None:
        """Raise InvalidRequest for the cancellation of a call that never was."""
        for key in ids:
            if key not in self._open and key not in self._fates:
                raise InvalidRequest(f"there is no call {key!r} to cancel{_waiting(self._open)}")

    def _end(self, key: str, fate: CallFate) -> None:
        if self._open.pop(key, None) is None:
            return
        self._awaited.pop(key, None)
        self._fates[key] = fate
        if len(self._fates) > _MAX_ENDED:
            del self._fates[next(iter(self._fates))]


def _key(item: FunctionCall | FunctionResponse) -> str:
    return item.id or item.name or ""


def _waiting(calls: Iterable[str]) -> str:
    shown = ", ".join(map(repr, list(calls)[:3]))
    return f"; those that wait: {shown}" if shown else "; none waits for an answer"
