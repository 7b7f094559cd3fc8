"""An answer told as Vertex tells it, whichever way it goes out."""

from __future__ import annotations

from typing import Any

from ..errors import APIError
from ..wire.codec import Message
from ..wire.response import GenerateContentResponse
from .output import ErrorForm, Output
from .vertex import as_vertex_error, dressed

__all__ = ("VertexOutput",)


class VertexOutput:
    """Adds what Vertex adds to typed chunks and rewords its errors; a scripted table is as written.

    ``create_time``: when the answer was begun, as RFC 3339.
    """

    __slots__ = ("_create_time", "_output")

    def __init__(self, output: Output, create_time: str) -> None:
        self._output = output
        self._create_time = create_time

    async def send_chunk(self, chunk: Message | dict[str, Any]) -> None:
        """Send one chunk."""
        if isinstance(chunk, GenerateContentResponse):
            chunk = dressed(chunk, self._create_time)
        await self._output.send_chunk(chunk)

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send an error and end; details that a script asks for are kept."""
        await self._output.send_error(error if error.details else as_vertex_error(error), form)

    async def finish(self) -> None:
        """End cleanly."""
        await self._output.finish()
