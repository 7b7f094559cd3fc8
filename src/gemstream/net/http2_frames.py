"""Where one HTTP/2 frame ends and the next begins (RFC 9113, 4.1).

Promises: a frame is given out once all of it is here, whole, for any way the bytes are cut into
reads. Judges nothing but the size; h2 reads what is inside. Given to h2 frame by frame, an error
says which stream it is about, and what came before it in the same read is not lost with it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ("DATA", "GOAWAY", "HEAD_SIZE", "LARGEST", "Frame", "Frames")

DATA, GOAWAY = 0x0, 0x7
HEAD_SIZE = 9
# The largest payload that we allow a peer, which is the least that can be allowed (6.5.2).
LARGEST = 16_384

_HEAD = struct.Struct(">IBI")  # length and type in one, flags, stream


class Frame(NamedTuple):
    """``kind``: the type's number; ``stream``: 0 for the connection; ``whole``: with its head."""

    kind: int
    stream: int
    whole: bytes


class Frames:
    """Splits what a connection brings; keeps at most one unfinished frame."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def receive_data(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that end in ``data``; to be read to the end.

        Raises ValueError at a frame larger than LARGEST, as soon as its head is here.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, size = 0, len(data)
        while size - at >= HEAD_SIZE:
            length_and_kind, _, stream = _HEAD.unpack_from(data, at)
            length = length_and_kind >> 8
            if length > LARGEST:
                raise ValueError(f"a frame of {length} bytes, and {LARGEST} are allowed")
            end = at + HEAD_SIZE + length
            if end > size:
                break
            yield Frame(length_and_kind & 0xFF, stream & 0x7FFF_FFFF, data[at:end])
            at = end
        self._rest = data[at:]
