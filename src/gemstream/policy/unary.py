"""The body of an unstreamed answer → a response, or the error it holds."""

from __future__ import annotations

import contextlib
from typing import TypeVar

import msgspec

from ..errors import DecodeError, StreamTruncated
from ..wire.codec import Message, decode
from ..wire.json_stream import JSONStreamDecoder
from ..wire.sse import MAX_EVENT_SIZE
from .answer import Completeness, Response
from .cost import Pricing
from .generation import Generation
from .redaction import Redact

__all__ = ("read_message", "read_response")

M = TypeVar("M", bound=Message)


def read_response(
    body: bytes,
    content_type: str | None,
    *,
    redact: Redact,
    max_event_size: int = MAX_EVENT_SIZE,
    pricing: Pricing | None = None,
) -> Response:
    """Return the response in a whole ``body``; raises APIError, DecodeError, StreamTruncated.

    One object is the answer as it is: without candidates it is data, its finish reason None. A
    gateway that answers a plain call with a stream is understood, and held to a stream's end.
    """
    generation = Generation(
        content_type, max_event_size=max_event_size, redact=redact, pricing=pricing
    )
    chunks = generation.receive_data(body)
    generation.check()
    if len(chunks) == 1 and body.lstrip()[:1] == b"{":
        message = chunks[0].message
        return Response(
            message=message,
            usage=message.usage_metadata,
            tariff=chunks[0].tariff,
            raw=body,
            complete=Completeness.CONFIRMED,
        )
    generation.receive_eof()
    generation.check()
    return msgspec.structs.replace(generation.response(), raw=body)


def read_message(body: bytes, kind: type[M]) -> M:
    """Return the message in a whole ``body``; raises DecodeError, and StreamTruncated for a part.

    A body that ends inside its JSON was cut short on the way, and may come whole when asked again.
    """
    try:
        return decode(body, kind)
    except DecodeError:
        _check_whole(body)
        raise


def _check_whole(body: bytes) -> None:
    """Raise StreamTruncated for JSON that has not ended."""
    if not body.strip():
        raise StreamTruncated("the answer ended before anything arrived")
    objects = JSONStreamDecoder()
    with contextlib.suppress(DecodeError):
        objects.receive_data(body, [])
        objects.receive_eof()
