"""Counting a request's tokens: Anthropic's ``/v1/messages/count_tokens`` ↔ ``:countTokens``.

Source: https://docs.anthropic.com/en/api/messages-count-tokens.
"""

from __future__ import annotations

import msgspec

from ....errors import DecodeError
from ...codec import decode_plain, encode
from .options import MessagesOptions
from .request import MessagesRequest, messages_request

__all__ = ("count_body", "count_request", "token_count")


def count_request(body: bytes, *, options: MessagesOptions) -> MessagesRequest:
    """Return what to send for ``body``: its ``body`` is a CountTokensRequest.

    Raises InvalidRequest with the place of a fault.
    """
    request = messages_request(body, options=options, counts_only=True)
    resource = options.model if "/" in options.model else f"models/{options.model}"
    generate = msgspec.json.decode(request.body, type=dict[str, msgspec.Raw])
    if options.is_vertex:  # Vertex takes the fields themselves
        counted = generate
    else:
        name = msgspec.Raw(encode(resource))
        counted = {"generateContentRequest": msgspec.Raw(_joined({"model": name, **generate}))}
    return msgspec.structs.replace(request, body=_joined(counted))


def token_count(answer: bytes) -> int:
    """Return the count in the body of a CountTokensResponse; raises DecodeError without one."""
    plain = decode_plain(answer)
    count = plain.get("totalTokens") if isinstance(plain, dict) else None
    if isinstance(count, bool) or not isinstance(count, int):
        raise DecodeError("the service sent no totalTokens", excerpt=answer[:200])
    return count


def count_body(tokens: int) -> bytes:
    """Return the answer that tells ``tokens``."""
    return b'{"input_tokens":%d}' % tokens


def _joined(fields: dict[str, msgspec.Raw]) -> bytes:
    return msgspec.json.encode(fields)
