"""Image headers: four kinds read, everything else refused without an error."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.emulator.builtin.image_header import ImageHeader, read_image_header

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 3, 5)
_FRAME = struct.pack(">BBHBHH", 0xFF, 0xC2, 17, 8, 480, 640)
JPEG = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"\0" * 14 + b"\xff\xff\x01" + _FRAME
_TABLE = b"\xff\xc4" + struct.pack(">H", 4) + b"ab"  # a Huffman table is no frame
LOSSY = b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 100 | 0x4000, 50)
LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L" + b"\0" * 5 + struct.pack("<I", (99) | (49 << 14))
EXTENDED = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x63\0\0\x31\0\0"

IMAGES = [
    (PNG, ("PNG", 640, 480)),
    (GIF, ("GIF", 3, 5)),
    (JPEG, ("JPEG", 640, 480)),
    (JPEG[:20] + _TABLE + _FRAME, ("JPEG", 640, 480)),
    (LOSSY, ("WebP", 100, 50)),
    (LOSSLESS, ("WebP", 100, 50)),
    (EXTENDED, ("WebP", 100, 50)),
]
NO_IMAGES = [
    b"",
    b"BM",
    PNG[:20],
    b"\x89PNG\r\n\x1a\n" + b"\0" * 30,
    JPEG[:-3],
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xe0\0\x02\0",
    b"RIFF\0\0\0\0WAVE",
    b"RIFF\0\0\0\0WEBPVP8Z" + b"\0" * 30,
    EXTENDED[:-1],
]


@pytest.mark.parametrize(("data", "expected"), IMAGES)
def test_kind_and_size_are_read(data: bytes, expected: tuple[str, int, int]) -> None:
    assert read_image_header(data) == ImageHeader(*expected)
    assert read_image_header(data + b"more") == ImageHeader(*expected)


@pytest.mark.parametrize("data", NO_IMAGES)
def test_what_is_no_image_has_no_header(data: bytes) -> None:
    assert read_image_header(data) is None


@settings(deadline=None)
@given(st.sampled_from([data for data, _ in IMAGES]), st.binary(max_size=40), st.integers(0, 60))
def test_broken_images_are_no_errors(data: bytes, noise: bytes, place: int) -> None:
    read_image_header(data[:place] + noise + data[place:])
    read_image_header(data[:place] + noise)
