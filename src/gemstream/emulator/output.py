"""The three ways an answer is told: as events, as a growing JSON array, as one message.

One verb each for a chunk, an error and the end, so what tells an answer need not know which.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from ..errors import APIError
from ..policy.fold import fold
from ..wire.codec import Message, encode, from_plain, to_plain
from ..wire.response import GenerateContentResponse
from ..wire.sse import encode_event
from ..wire.status import encode_error
from .exchange import Exchange
from .journal import End
from .scripts.filler import expanded

__all__ = (
    "JSON_TYPE",
    "Alter",
    "ArrayOutput",
    "ChunkContent",
    "ErrorForm",
    "EventOutput",
    "Output",
    "RawOutput",
    "WholeOutput",
    "pretty",
    "send_error",
    "typed",
)

JSON_TYPE = "application/json; charset=UTF-8"
_EVENT_TYPE = "text/event-stream"

ChunkContent = Message | dict[str, Any]
Alter = Callable[[ChunkContent], Iterable[ChunkContent]]


class ErrorForm(enum.Enum):
    """How an error shows up in a stream; before the head, STATUS is an HTTP status."""

    STATUS = "status"
    EVENT = "event"
    NAKED = "naked"
    PRETTY = "pretty"


class Output:
    """Where an answer goes.

    ``alterations`` make of each chunk those that are sent, one after the other; what is billed is
    the chunk as it was. ``has_filler``: chunks hold markers of ``filler``.
    """

    __slots__ = ("_exchange", "alterations", "has_filler")

    content_type = JSON_TYPE

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.alterations: Sequence[Alter] = ()
        self.has_filler = False

    async def start(self) -> None:
        """Send the head, unless it is out."""
        if not self._exchange.status:
            await self._exchange.start(200, self.content_type)

    async def send_chunk(self, chunk: ChunkContent) -> None:
        """Send one chunk."""
        _note_usage(self._exchange, chunk)
        for altered in self._altered(chunk):
            await self._send(encode(altered))

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes that are no chunk."""
        await self.start()
        await self._write(data)

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send an error and end."""
        raise NotImplementedError

    async def finish(self) -> None:
        """End cleanly."""
        raise NotImplementedError

    def _altered(self, chunk: ChunkContent) -> Sequence[ChunkContent]:
        chunks: Sequence[ChunkContent] = (chunk,)
        for alter in self.alterations:
            chunks = [altered for one in chunks for altered in alter(one)]
        return chunks

    async def _send(self, payload: bytes) -> None:
        raise NotImplementedError

    async def _write(self, data: bytes) -> None:
        if not self.has_filler:
            await self._exchange.write(data)
            return
        for piece in expanded(data):
            await self._exchange.write(piece)
            # A server may take all of it without a wait, and never see that the client has left.
            await asyncio.sleep(0)


def pretty(payload: bytes) -> bytes:
    """Return JSON on many lines, as the service writes it outside of events."""
    return msgspec.json.format(payload, indent=2) + b"\n"


async def send_error(exchange: Exchange, error: APIError, *, in_array: bool = False) -> None:
    """Answer with an error and its HTTP status; streams without ``alt=sse`` wrap it in an array."""
    body = pretty(encode_error(error))
    if in_array:
        body = b"[" + body.rstrip() + b"\n]\n"
    await exchange.answer(error.code, JSON_TYPE, body, End.ERROR)


class EventOutput(Output):
    """Server-sent events, one write each."""

    __slots__ = ()

    content_type = _EVENT_TYPE

    async def start(self) -> None:
        """Send the head, unless it is out."""
        if not self._exchange.status:
            await self._exchange.start(200, _EVENT_TYPE, (b"content-disposition", b"attachment"))

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
        await self.send_bytes(payload)
        await self._exchange.finish(End.ERROR)

    async def finish(self) -> None:
        """End the stream; one without a chunk still has a head."""
        await self.start()
        await self._exchange.finish()

    async def _send(self, payload: bytes) -> None:
        await self.send_bytes(encode_event(payload))


class ArrayOutput(Output):
    """One JSON array, each element written when it is there."""

    __slots__ = ("_opening",)

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._opening = b"["

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send the error as the last element, or alone with its status, and end."""
        if form is ErrorForm.STATUS and not self._exchange.status:
            await send_error(self._exchange, error, in_array=True)
            return
        await self._send(encode_error(error))
        await self._exchange.write(b"\n]")
        await self._exchange.finish(End.ERROR)

    async def finish(self) -> None:
        """Close the array."""
        await self.send_bytes(b"\n]" if self._opening != b"[" else b"[]")
        await self._exchange.finish()

    async def _send(self, payload: bytes) -> None:
        opening, self._opening = self._opening, b"\n,\n"
        await self.send_bytes(opening + pretty(payload).rstrip())


class WholeOutput(Output):
    """One message: the chunks are folded and sent at the end."""

    __slots__ = ("_chunks", "_sent")

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._chunks: list[ChunkContent] = []
        self._sent: list[ChunkContent] = []

    async def send_chunk(self, chunk: ChunkContent) -> None:
        """Keep one chunk for the sum."""
        self._chunks.append(chunk)
        self._sent += self._altered(chunk)

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send the error with its HTTP status: there is no stream it could be in."""
        if self._exchange.status:  # behind bytes that are no chunk
            await self._write(pretty(encode_error(error)))
            await self._exchange.finish(End.ERROR)
        else:
            await send_error(self._exchange, error)

    async def finish(self) -> None:
        """Send the sum of the chunks; a single one as it is."""
        _note_usage(self._exchange, _sum(self._chunks))
        body = pretty(encode(_sum(self._sent)))
        if self._exchange.status or self.has_filler:  # its length is not known in time
            await self.send_bytes(body)
            await self._exchange.finish()
        else:
            await self._exchange.answer(200, JSON_TYPE, body)


class RawOutput(Output):
    """After a recorded body: what it did not hold is not made up."""

    __slots__ = ()

    async def send_error(self, error: APIError, form: ErrorForm) -> None:
        """Send the error as an event or naked behind the body, and end."""
        payload = encode_error(error)
        await self._write(encode_event(payload) if form is ErrorForm.EVENT else payload)
        await self._exchange.finish(End.ERROR)

    async def finish(self) -> None:
        """End where the body ended."""
        failed = self._exchange.status >= 400
        await self._exchange.finish(End.ERROR if failed else End.FINISHED)

    async def _send(self, payload: bytes) -> None:
        await self._write(encode_event(payload))


def typed(chunk: ChunkContent) -> GenerateContentResponse:
    """Return ``chunk`` as a response; what it does not know stays in ``extra``."""
    if isinstance(chunk, GenerateContentResponse):
        return chunk
    return from_plain(to_plain(chunk), GenerateContentResponse)


def _sum(chunks: Sequence[ChunkContent]) -> ChunkContent:
    return chunks[0] if len(chunks) == 1 else fold(map(typed, chunks))


def _note_usage(exchange: Exchange, chunk: ChunkContent) -> None:
    usage = typed(chunk).usage_metadata
    if usage is not None:
        exchange.usage = usage
