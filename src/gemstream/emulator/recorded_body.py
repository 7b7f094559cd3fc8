"""What a body says of itself when it was recorded without its head."""

from __future__ import annotations

from typing import Any

from ..errors import DecodeError, GemstreamError
from ..policy.usage import RunningUsage
from ..wire.codec import decode, decode_plain
from ..wire.payload import PayloadDecoder
from ..wire.response import GenerateContentResponse
from ..wire.usage import UsageMetadata
from .output import JSON_TYPE

__all__ = ("UsageReader", "content_type_of", "status_of")


def status_of(body: bytes) -> int:
    """Return the ``error.code`` in ``body``, else 200."""
    plain = _plain(body)
    error = plain.get("error") if isinstance(plain, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 200 <= code <= 599 else 200


def content_type_of(body: bytes) -> str:
    """Return the media type that ``body`` looks like: one JSON document, or events."""
    return JSON_TYPE if body.lstrip()[:1] in (b"{", b"[") else "text/event-stream"


class UsageReader:
    """Reads the usage in a passing answer; what cannot be read has none."""

    __slots__ = ("_decoder", "_is_readable", "_usage")

    def __init__(self, content_type: str) -> None:
        self._decoder = PayloadDecoder(content_type)
        self._usage = RunningUsage()
        self._is_readable = True

    def receive_data(self, data: bytes) -> UsageMetadata | None:
        """Return the usage reported so far."""
        if self._is_readable:
            try:
                for payload in self._decoder.receive_data(data):
                    message = decode(payload, GenerateContentResponse)
                    self._usage.receive(message.usage_metadata)
            except GemstreamError:  # broken bytes, or another message: they pass, nothing is billed
                self._is_readable = False
        return self._usage.value


def _plain(body: bytes) -> Any:
    try:
        plain = decode_plain(body)
    except DecodeError:  # events are no JSON document
        return None
    return plain[0] if isinstance(plain, list) and plain else plain
