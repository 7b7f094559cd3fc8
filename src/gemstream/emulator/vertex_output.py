"""An answer told as Vertex tells it, whichever way it goes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..errors import APIError
from ..wire.codec import Message
from ..wire.response import GenerateContentResponse
from .output import ErrorForm, Output
from .vertex import as_vertex_error, dressed

__all__ = ("VertexOutput",)


class VertexOutput:
    """Adds what Vertex adds to typed chunks and rewords its errors; a scripted table is as written.

    ``now``: when the answer is begun, in seconds since 1970.
    """

    __slots__ = ("_create_time", "_output")

    def __init__(self, output: Output, now: float) -> None:
        self._output = output
        self._create_time = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")

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
