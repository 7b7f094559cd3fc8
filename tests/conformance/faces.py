"""One table of cases for both faces of the client: what one does, the other does.

A case is what to ask a ``Face`` for and what to look at; it runs once against ``AsyncClient`` and
once against ``Client``, each with an emulator of its own, and must come to the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, Protocol

from gemstream import Chunk, FunctionDeclaration, StreamControl
from gemstream.emulator import Cut, Emulator, End, ErrorInStream, Stall, Status
from gemstream.emulator.scripts.steps import Step
from gemstream.errors import GemstreamError
from support.emulated import async_client, blocking_client, scripted

__all__ = ("CASES", "AsyncFace", "BlockingFace", "Case", "Face", "outcome")


class Face(Protocol):
    """A client, asked from code without an event loop."""

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Return what the method of this dotted name returns."""
        ...

    def read(self, prompt: str, *, most: int = 1000, **options: Any) -> Any:
        """Return the texts of a stream, at most so many, and the stream's response."""
        ...

    def finish(self, prompt: str, on_chunk: Any = None) -> Any:
        """Return what ``finish`` of a stream returns."""
        ...


class AsyncFace:
    """``AsyncClient``, a loop for each question."""

    def __init__(self, emulator: Emulator) -> None:
        self._client = async_client(emulator)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        async def ask() -> Any:
            answer = _method(self._client, name)(*args, **kwargs)
            return await answer if asyncio.iscoroutine(answer) else answer

        return asyncio.run(ask())

    def read(self, prompt: str, *, most: int = 1000, **options: Any) -> Any:
        async def ask() -> Any:
            texts: list[str] = []
            async with self._client.generate_stream(prompt, **options) as stream:
                async for chunk in stream:
                    texts.append(chunk.text)
                    if len(texts) == most:
                        break
            return texts, stream.response

        return asyncio.run(ask())

    def finish(self, prompt: str, on_chunk: Any = None) -> Any:
        async def ask() -> Any:
            return await self._client.generate_stream(prompt).finish(on_chunk)

        return asyncio.run(ask())


class BlockingFace:
    """``Client``."""

    def __init__(self, emulator: Emulator) -> None:
        self._client = blocking_client(emulator)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return _method(self._client, name)(*args, **kwargs)

    def read(self, prompt: str, *, most: int = 1000, **options: Any) -> Any:
        texts: list[str] = []
        with self._client.generate_stream(prompt, **options) as stream:
            for chunk in stream:
                texts.append(chunk.text)
                if len(texts) == most:
                    break
        return texts, stream.response

    def finish(self, prompt: str, on_chunk: Any = None) -> Any:
        with closing(self._client.generate_stream(prompt)) as stream:
            return stream.finish(on_chunk)


def _method(client: Any, name: str) -> Any:
    for step in name.split("."):
        client = getattr(client, step)
    return client


Case = tuple[Sequence[Sequence[Step]], Callable[[Face], Any]]
_BUSY = [Status(code=503)]


def _stop(chunk: Chunk) -> StreamControl:
    return StreamControl.STOP


def _fail(chunk: Chunk) -> None:
    raise LookupError(chunk.text)


CASES: dict[str, Case] = {
    "generate": ([], lambda face: face.call("generate", "Count to 3")),
    "generate with options": (
        [],
        lambda face: face.call("generate", "Hi", system="Be brief", max_output_tokens=2, seed=1),
    ),
    "generate with a tool": (
        [],
        lambda face: face.call("generate", "Call f", tools=[FunctionDeclaration(name="f")]),
    ),
    "generate with a schema": (
        [],
        lambda face: face.call("generate", "x", schema={"type": "object", "properties": {}}),
    ),
    "generate, tried again": ([_BUSY, ["a"]], lambda face: face.call("generate", "Hi")),
    "generate, refused": ([[Status(code=400)]], lambda face: face.call("generate", "Hi")),
    "generate with a callback": (
        [],
        lambda face: face.call("generate", "Count to 3", on_chunk=lambda chunk: None),
    ),
    "generate, stopped by its callback": (
        [["a", Stall()]],
        lambda face: face.call("generate", "Hi", on_chunk=_stop),
    ),
    "generate, failed by its callback": (
        [["a"]],
        lambda face: face.call("generate", "Hi", on_chunk=_fail),
    ),
    "a stream": ([], lambda face: face.read("Count to 10")),
    "a stream of another model": ([], lambda face: face.read("Hi", model="gemini-2.0-flash")),
    "a stream left early": ([["a", Stall()]], lambda face: face.read("Hi", most=1)),
    "a stream, tried again": ([_BUSY, ["a"]], lambda face: face.read("Hi")),
    "a stream, cut before its first chunk": ([[Cut()], ["a"]], lambda face: face.read("Hi")),
    "a stream, cut": ([["a", Cut()]], lambda face: face.read("Hi")),
    "a stream, truncated": ([["a", End()]], lambda face: face.read("Hi")),
    "a stream with an error inside": (
        [["a", ErrorInStream(code=429)]],
        lambda face: face.read("Hi"),
    ),
    "a stream, finished": ([], lambda face: face.finish("Count to 3")),
    "a stream, finished and shown": ([["a"]], lambda face: face.finish("Hi", lambda chunk: None)),
    "a stream, stopped": ([["a", Stall()]], lambda face: face.finish("Hi", _stop)),
    "a stream that cannot be": ([], lambda face: face.read("Hi", model="text-embedding-004")),
    "count_tokens": ([], lambda face: face.call("count_tokens", "Hi", system="Be brief")),
    "embed": ([], lambda face: face.call("embed", ["a", "b"], output_dimensionality=4)),
    "embed, refused": ([], lambda face: face.call("embed", [])),
    "request": ([], lambda face: face.call("request", "GET", "models", query={"pageSize": "2"})),
    "supports_streaming": ([], lambda face: face.call("supports_streaming", "imagen-4")),
    "models.list": ([], lambda face: face.call("models.list")),
    "models.get": ([], lambda face: face.call("models.get", "gemini-2.5-flash")),
    "models.get, not found": ([], lambda face: face.call("models.get", "gemini-0")),
    "an unknown option": ([], lambda face: face.call("generate", "Hi", temprature=1)),
    "an empty prompt": ([], lambda face: face.call("generate", "")),
    "a bad model": ([], lambda face: face.call("count_tokens", "Hi", model="..")),
    "a missing file": ([], lambda face: face.call("generate", "Hi", files=["missing.txt"])),
}


def outcome(face: Callable[[Emulator], Face], case: Case) -> Any:
    """Return what the case came to, an error as its words and facts, and the books of it."""
    answers, ask = case
    emulator = scripted(*answers)
    came: Any
    try:
        came = ask(face(emulator))
    except (GemstreamError, LookupError) as error:
        facts = ("delivered", "partial", "retryable", "code", "model")
        came = (type(error), str(error), [getattr(error, fact, None) for fact in facts])
    asyncio.run(emulator.idle())  # an answer that was left ends a moment later
    return came, [(entry.method, entry.attempt, entry.status) for entry in emulator.journal]
