"""Secrets taken out of errors: a service, or a proxy before it, may repeat what it was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import APIError, GemstreamError, ProtocolError

__all__ = ("Redact", "redacted")

Redact = Callable[[bytes], bytes]

E = TypeVar("E", bound=GemstreamError)


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
