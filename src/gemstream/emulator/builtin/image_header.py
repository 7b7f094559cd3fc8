"""Kind and size of an image, read from its first bytes: PNG, JPEG, GIF, WebP."""

from __future__ import annotations

import struct
from collections.abc import Callable

import msgspec

__all__ = ("ImageHeader", "read_image_header")


class ImageHeader(msgspec.Struct, frozen=True):
    """What an image is and how many pixels it measures."""

    kind: str
    width: int
    height: int


def read_image_header(data: bytes) -> ImageHeader | None:
    """Return the header of the image in ``data``; None when it is not one of the four kinds."""
    for signature, read in _READERS:
        if data.startswith(signature):
            try:
                return read(data)
            except (struct.error, IndexError):  # cut short: a kind without a size is no header
                return None
    return None


def _read_png(data: bytes) -> ImageHeader | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return ImageHeader("PNG", width, height)


def _read_gif(data: bytes) -> ImageHeader | None:
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader("GIF", width, height)


# Start-of-frame markers carry the size; C4, C8 and CC share their range and mean other things.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that stand alone: no length follows them.
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def _read_jpeg(data: bytes) -> ImageHeader | None:
    position = 2
    while data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return ImageHeader("JPEG", width, height)
        elif marker in _BARE:
            position += 2
        else:
            position += 2 + int(struct.unpack_from(">H", data, position + 2)[0])
    return None


def _read_webp(data: bytes) -> ImageHeader | None:
    if data[8:12] != b"WEBP":
        return None
    form = data[12:16]
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WebP", width & 0x3FFF, height & 0x3FFF)
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return ImageHeader("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if form == b"VP8X" and len(data) >= 30:
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return ImageHeader("WebP", width, height)
    return None


_READERS: tuple[tuple[bytes, Callable[[bytes], ImageHeader | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _read_png),
    (b"GIF87a", _read_gif),
    (b"GIF89a", _read_gif),
    (b"\xff\xd8\xff", _read_jpeg),
    (b"RIFF", _read_webp),
)
