"""Secrets taken out of errors: a service, or a proxy before it, may repeat what it was sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ..errors import APIError, GemstreamError, NotFound, ProtocolError, ResourceExhausted
from ..wire.codec import decode_plain

__all__ = ("Redact", "redacted", "without_tokens")

Redact = Callable[[bytes], bytes]
_TOKEN = re.compile(rb"(?<=auth_tokens/)[A-Za-z0-9._~+/=%-]+")

E = TypeVar("E", bound=GemstreamError)


def without_tokens(data: bytes) -> bytes:
    """Return ``data`` without what names an ephemeral token, which is its secret."""
    return _TOKEN.sub(b"[redacted]", data)


def redacted(error: E, redact: Redact) -> E:
    """Return ``error`` with the secret taken out of all that it quotes: words, details, bytes."""
    error.args = tuple(_value(arg, redact) for arg in error.args)
    if isinstance(error, APIError):
        for name in ("message", "status", "details"):
            setattr(error, name, _value(getattr(error, name), redact))
    if isinstance(error, NotFound):
        error.replacement = _value(error.replacement, redact)
    if isinstance(error, ResourceExhausted):
        error.quotas = _value(error.quotas, redact)
    if isinstance(error, ProtocolError):
        error.excerpt = redact(error.excerpt)
    return error


def _value(value: Any, redact: Redact) -> Any:
    """Return ``value`` with the secret taken out of every text in it."""
    if isinstance(value, str):
        return redact(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    if isinstance(value, dict):  # as JSON, for it may be as deep as the service likes
        return decode_plain(redact(msgspec.json.encode(value)))
    if isinstance(value, list | tuple):
        return type(value)(_value(inner, redact) for inner in value)
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        told = {name: _value(inner, redact) for name, inner in fields.items()}
        return msgspec.structs.replace(value, **told)
    return value
