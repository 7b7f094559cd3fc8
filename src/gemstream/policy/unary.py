"""The body of an unstreamed answer → a response, or the error it holds."""

from __future__ import annotations

import msgspec

from ..wire.sse import MAX_EVENT_SIZE
from .answer import Completeness, Response
from .generation import Generation
from .redaction import Redact

__all__ = ("read_response",)


def read_response(
    body: bytes,
    content_type: str | None,
    *,
    redact: Redact,
    max_event_size: int = MAX_EVENT_SIZE,
) -> Response:
    """Return the response in a whole ``body``; raises APIError, DecodeError, StreamTruncated.

    One object is the answer as it is: without candidates it is data, its finish reason None. A
    gateway that answers a plain call with a stream is understood, and held to a stream's end.
    """
    generation = Generation(content_type, max_event_size=max_event_size, redact=redact)
    chunks = generation.receive_data(body)
    generation.check()
    if len(chunks) == 1 and body.lstrip()[:1] == b"{":
        message = chunks[0].message
        return Response(
            message=message,
            usage=message.usage_metadata,
            raw=body,
            complete=Completeness.CONFIRMED,
        )
    generation.receive_eof()
    generation.check()
    return msgspec.structs.replace(generation.response(), raw=body)
