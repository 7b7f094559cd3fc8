"""The body of an unstreamed answer → a response, or the error it holds."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import APIError
from ..wire.codec import decode
from ..wire.payload import PayloadDecoder
from ..wire.response import GenerateContentResponse
from ..wire.status import decode_error
from .answer import Completeness, Response
from .fold import fold

__all__ = ("read_response",)


def read_response(
    body: bytes, content_type: str | None, *, redact: Callable[[bytes], bytes]
) -> Response:
    """Return the response in a whole ``body``; raises APIError, DecodeError, StreamTruncated.

    A gateway that answers a plain call with a stream is understood: its chunks are folded. An
    answer without candidates is data, not an error: its finish reason is None.
    """
    payloads = PayloadDecoder(content_type)
    messages = []
    for payload in (*payloads.receive_data(body), *payloads.receive_eof()):
        message = decode(payload, GenerateContentResponse)
        if message.extra is not None and "error" in message.extra:
            raise _error(redact(payload))
        messages.append(message)
    payloads.check()
    whole = messages[0] if len(messages) == 1 else fold(messages)
    return Response(
        message=whole,
        usage=whole.usage_metadata,
        raw=body,
        complete=Completeness.CONFIRMED,
    )


def _error(payload: bytes) -> APIError:
    return decode_error(payload, http_status=500)
