"""The three ways an answer is told: as events, as a growing JSON array, as one message.

One verb each for a chunk, an error and the end, so what tells an answer need not know which.
"""

from __future__ import annotations

import enum
from typing import Any, Protocol

import msgspec

from ..errors import APIError
from ..policy.fold import fold
from ..wire.codec import Message, encode, from_plain, to_plain
from ..wire.response import GenerateContentResponse
from ..wire.sse import encode_event
from ..wire.status import encode_error
from .exchange import Exchange
from .journal import End

__all__ = (
    "JSON_TYPE",
    "ArrayOutput",
    "ErrorForm",
    "EventOutput",
    "Output",
    "RawOutput",
    "WholeOutput",
    "pretty",
    "send_error",
)

JSON_TYPE = "application/json; charset=UTF-8"
_EVENT_TYPE = "text/event-stream"

ChunkContent = Message | dict[str, Any]


class ErrorForm(enum.Enum):
    """How an error shows up in a stream; before the head, STATUS is an HTTP status."""

    STATUS = "status"
    EVENT = "event"
    NAKED = "naked"
    PRETTY = "pretty"


class Output(Protocol):
    """Where an answer goes."""

    async def send_chunk(self, chunk: ChunkContent) -> None:
        """Send one chunk."""
        ...

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send an error and end."""
        ...

    async def finish(self) -> None:
        """End cleanly."""
        ...


def pretty(payload: bytes) -> bytes:
    """Return JSON on many lines, as the service writes it outside of events."""
    return msgspec.json.format(payload, indent=2) + b"\n"


async def send_error(exchange: Exchange, error: APIError, *, in_array: bool = False) -> None:
    """Answer with an error and its HTTP status; streams without ``alt=sse`` wrap it in an array."""
    body = pretty(encode_error(error))
    if in_array:
        body = b"[" + body.rstrip() + b"\n]\n"
    await exchange.answer(error.code, JSON_TYPE, body, End.ERROR)


class EventOutput:
    """Server-sent events, one write each."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def send_chunk(self, chunk: ChunkContent) -> None:
        """Send one event."""
        await self._write(encode_event(encode(chunk)), chunk)

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send the error as status, event or naked JSON, and end."""
        if form is ErrorForm.STATUS and not self._exchange.status:
            await send_error(self._exchange, error)
            return
        payload = encode_error(error)
        if form is ErrorForm.EVENT:
            payload = encode_event(payload)
        elif form is ErrorForm.PRETTY:
            payload = pretty(payload)
        await self._write(payload, None)
        await self._exchange.finish(End.ERROR)

    async def finish(self) -> None:
        """End the stream; one without a chunk still has a head."""
        await self._write(b"", None)
        await self._exchange.finish()

    async def _write(self, data: bytes, chunk: ChunkContent | None) -> None:
        if not self._exchange.status:
            await self._exchange.start(200, _EVENT_TYPE, (b"content-disposition", b"attachment"))
        _note_usage(self._exchange, chunk)
        await self._exchange.write(data)


class ArrayOutput:
    """One JSON array, each element written when it is there."""

    __slots__ = ("_exchange", "_opening")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._opening = b"["

    async def send_chunk(self, chunk: ChunkContent) -> None:
        """Send one element."""
        _note_usage(self._exchange, chunk)
        await self._write_element(encode(chunk))

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send the error as the last element, or alone with its status, and end."""
        if form is ErrorForm.STATUS and not self._exchange.status:
            await send_error(self._exchange, error, in_array=True)
            return
        await self._write_element(encode_error(error))
        await self._exchange.write(b"\n]")
        await self._exchange.finish(End.ERROR)

    async def finish(self) -> None:
        """Close the array."""
        await self._start()
        await self._exchange.write(b"\n]" if self._opening != b"[" else b"[]")
        await self._exchange.finish()

    async def _write_element(self, payload: bytes) -> None:
        await self._start()
        opening, self._opening = self._opening, b"\n,\n"
        await self._exchange.write(opening + pretty(payload).rstrip())

    async def _start(self) -> None:
        if not self._exchange.status:
            await self._exchange.start(200, JSON_TYPE)


class WholeOutput:
    """One message: the chunks are folded and sent at the end."""

    __slots__ = ("_chunks", "_exchange")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._chunks: list[ChunkContent] = []

    async def send_chunk(self, chunk: ChunkContent) -> None:
        """Keep one chunk for the sum."""
        self._chunks.append(chunk)

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send the error with its HTTP status: there is no stream it could be in."""
        await send_error(self._exchange, error)

    async def finish(self) -> None:
        """Send the sum of the chunks; a single one as it is."""
        whole = self._chunks[0] if len(self._chunks) == 1 else fold(map(_typed, self._chunks))
        _note_usage(self._exchange, whole)
        await self._exchange.answer(200, JSON_TYPE, pretty(encode(whole)))


class RawOutput:
    """After a recorded body: what it did not hold is not made up."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def send_chunk(self, chunk: ChunkContent) -> None:
        """Send one event behind the body."""
        await self._exchange.write(encode_event(encode(chunk)))

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send the error as an event or naked behind the body, and end."""
        payload = encode_error(error)
        await self._exchange.write(encode_event(payload) if form is ErrorForm.EVENT else payload)
        await self._exchange.finish(End.ERROR)

    async def finish(self) -> None:
        """End where the body ended."""
        failed = self._exchange.status >= 400
        await self._exchange.finish(End.ERROR if failed else End.FINISHED)


def _typed(chunk: ChunkContent) -> GenerateContentResponse:
    if isinstance(chunk, GenerateContentResponse):
        return chunk
    return from_plain(to_plain(chunk), GenerateContentResponse)


def _note_usage(exchange: Exchange, chunk: ChunkContent | None) -> None:
    usage = _typed(chunk).usage_metadata if chunk is not None else None
    if usage is not None:
        exchange.usage = usage
