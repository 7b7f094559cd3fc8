"""The small protocol behind the client, which narratives and tests accept in its place."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self, Unpack, runtime_checkable

from ..policy.answer import Chunk, Response
from .generate_options import GenerateOptions
from .prompt import Prompt

__all__ = ("ChunkStream", "Driver")


class ChunkStream(Protocol):
    """Chunks in motion: iterable once, closed by ``aclose`` or the end of ``async with``."""

    def __aiter__(self) -> Self:
        """Return the stream itself."""
        ...

    async def __anext__(self) -> Chunk:
        """Return the next chunk."""
        ...

    @property
    def response(self) -> Response:
        """The fold of all chunks so far."""
        ...

    async def aclose(self) -> None:
        """End the stream, before its end if need be."""
        ...

    async def __aenter__(self) -> Self:
        """Return the stream itself."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the stream."""
        ...


@runtime_checkable
class Driver(Protocol):
    """What can answer a prompt, whole or streamed."""

    async def generate(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> Response:
        """Return the whole answer."""
        ...

    def generate_stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> ChunkStream:
        """Return the answer as a stream of chunks."""
        ...

    def supports_streaming(self, model: str) -> bool:
        """Return whether ``model`` can stream."""
        ...
