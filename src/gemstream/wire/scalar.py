"""The two scalar forms of proto3 JSON that need reading: bytes and durations.

Source: https://protobuf.dev/programming-guides/json/.
"""

from __future__ import annotations

import base64
import math
import re

import msgspec

from ..errors import DecodeError

__all__ = ("decode_base64", "decode_duration", "encode_base64", "encode_duration")

# proto allows ±315,576,000,000 s: twelve digits, and never enough of them for an infinity.
_DURATION = re.compile(r"-?\d{1,12}(\.\d{1,9})?s", re.ASCII)


def encode_base64(data: bytes) -> str:
    """Return ``data`` in the standard alphabet with padding, as the service writes it."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Return the bytes of ``text`` in either alphabet, padded or not; raises DecodeError."""
    # msgspec's decoder takes 1.4 µs for 1,920 bytes, that of binascii 5.1; it reads the alphabet
    # the service writes, so the other one is translated only when it refuses.
    try:
        return msgspec.convert(text, bytes)
    except _NOT_BASE64:
        standard = text.replace("-", "+").replace("_", "/")
    try:
        return msgspec.convert(standard + "=" * (-len(standard) % 4), bytes)
    except _NOT_BASE64:
        excerpt = text[:40]
        raise DecodeError(
            f"not base64: {excerpt!r}", excerpt=excerpt.encode("utf-8", "replace")
        ) from None


# A lone surrogate cannot even be looked at.
_NOT_BASE64 = (msgspec.ValidationError, UnicodeEncodeError)


def encode_duration(seconds: float) -> str:
    """Return ``seconds`` as the service writes a Duration, as ``3.5s``."""
    if not math.isfinite(seconds):
        raise ValueError(f"a duration must be finite, not {seconds}")
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def decode_duration(text: str) -> float:
    """Return the seconds of a Duration such as ``47s`` or ``38.8s``; raises DecodeError."""
    if not _DURATION.fullmatch(text):
        raise DecodeError(f"not a duration: {text[:40]!r}", excerpt=text[:40].encode())
    return float(text[:-1])
