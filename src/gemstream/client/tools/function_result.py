"""What a function returned → the response that the model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import InvalidRequest
from ...wire.content import Blob, FunctionCall, FunctionResponse, FunctionResponsePart, Scheduling
from .function_tool import checked_scheduling
from .plain_value import plain_value

__all__ = ("FunctionResult", "failure", "response_to")

# A failure's text is for the model to act on; a longer one is a dump.
_MAX_FAILURE = 2_000


class FunctionResult:
    """A value to return from a function, with more than the value says.

    ``scheduling``: when the model may speak of this result (INTERRUPT, WHEN_IDLE, SILENT), before
    the tool's own. ``parts``: media beside the value. Raises InvalidRequest.
    """

    __slots__ = ("parts", "scheduling", "value")

    def __init__(
        self,
        value: Any = None,
        *,
        scheduling: Scheduling | str | None = None,
        parts: Sequence[Blob | FunctionResponsePart] = (),
    ) -> None:
        self.value = value
        self.scheduling = checked_scheduling(scheduling)
        self.parts = tuple(map(_part, parts))

    def __repr__(self) -> str:
        return f"FunctionResult({self.value!r:.80})"


def response_to(
    call: FunctionCall, returned: Any, scheduling: Scheduling | None = None
) -> FunctionResponse:
    """Return the response that carries ``returned``; a dict as it is, all else as its ``result``.

    Raises InvalidRequest for what JSON cannot say.
    """
    result = returned if isinstance(returned, FunctionResult) else FunctionResult(returned)
    plain = plain_value(result.value)
    return FunctionResponse(
        id=call.id,
        name=call.name,
        response=plain if isinstance(result.value, dict) else {"result": plain},
        parts=result.parts,
        scheduling=result.scheduling or scheduling,
    )


def failure(
    call: FunctionCall, said: str, scheduling: Scheduling | None = None
) -> FunctionResponse:
    """Return the response that tells the model what went wrong."""
    text = said if len(said) <= _MAX_FAILURE else f"{said[:_MAX_FAILURE]}…"
    sayable = text.encode(errors="replace").decode()  # a lone surrogate cannot be sent
    return FunctionResponse(
        id=call.id, name=call.name, response={"error": sayable}, scheduling=scheduling
    )


def _part(given: object) -> FunctionResponsePart:
    if isinstance(given, Blob):
        return FunctionResponsePart(inline_data=given)
    if isinstance(given, FunctionResponsePart):
        return given
    raise InvalidRequest(
        f"a part of a result is a Blob or a FunctionResponsePart, not {type(given).__name__}; use "
        "Blob.of(content, mime_type)"
    )
