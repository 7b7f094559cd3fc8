"""A picture small enough to be made where a test needs one."""

from __future__ import annotations

import struct
import zlib

__all__ = ("png",)


def png(width: int, height: int) -> bytes:
    """Return a red PNG of this size in pixels."""
    row = b"\0" + b"\xd0\x20\x20" * width  # filter 0, then the pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    blocks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * height)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in blocks
    )
