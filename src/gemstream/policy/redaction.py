"""Secrets taken out of errors: a service, or a proxy before it, may repeat what it was sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from ..errors import APIError, GemstreamError, ProtocolError

__all__ = ("Redact", "redacted", "without_tokens")

Redact = Callable[[bytes], bytes]
_TOKEN = re.compile(rb"(?<=auth_tokens/)[A-Za-z0-9._~+/=%-]+")

E = TypeVar("E", bound=GemstreamError)


def without_tokens(data: bytes) -> bytes:
    """Return ``data`` without what names an ephemeral token, which is its secret."""
    return _TOKEN.sub(b"[redacted]", data)


def redacted(error: E, redact: Redact) -> E:
    """Return ``error`` with the secret taken out of its words and of the bytes it quotes."""
    error.args = tuple(_text(arg, redact) if isinstance(arg, str) else arg for arg in error.args)
    if isinstance(error, APIError):
        error.message = _text(error.message, redact)
    if isinstance(error, ProtocolError):
        error.excerpt = redact(error.excerpt)
    return error


def _text(text: str, redact: Redact) -> str:
    return redact(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
