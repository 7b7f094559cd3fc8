"""What an operator's request is answered with, where that is not one object of JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

__all__ = ("Streamed", "Written")


class Written(msgspec.Struct, frozen=True):
    """A whole body of another type. ``code``: the HTTP status."""

    content_type: str
    body: bytes
    code: int = 200


class Streamed(msgspec.Struct, frozen=True):
    """A body in pieces, each sent as it comes."""

    content_type: str
    pieces: AsyncIterator[bytes]
