"""Images and sounds as answers: small, valid, and the same for the same seed.

A picture has the proportions that were asked for at a sixteenth of the service's pixels; a sound
is a fifth of a second of one tone.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping

from ...wire.content import Part
from ...wire.generation_config import ImageConfig

__all__ = ("ASPECT_RATIOS", "IMAGE_SIZES", "picture", "sound")

# The service's pixels by aspect ratio: https://ai.google.dev/gemini-api/docs/image-generation.
ASPECT_RATIOS: Mapping[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
IMAGE_SIZES: Mapping[str, int] = {"1K": 1, "2K": 2, "4K": 4}
_SHRUNK = 16
_LARGE = 8  # half the pixels each way: 1 MiB of base64, as a real picture
_RATE = 24_000
_SECONDS = 0.2


def picture(config: ImageConfig | None, *, seed: str, is_large: bool = False) -> Part:
    """Return a PNG of the shape and size that ``config`` asks for."""
    ratio = (config.aspect_ratio if config else None) or "1:1"
    size = (config.image_size if config else None) or "1K"
    scale = _LARGE if is_large else IMAGE_SIZES[size]
    width, height = (side * scale // _SHRUNK for side in ASPECT_RATIOS[ratio])
    return Part.of_bytes(_png(width, height, seed), "image/png")


def sound() -> Part:
    """Return 16-bit PCM at 24 kHz."""
    half_wave = _RATE // 440 // 2
    samples = (
        8000 if number // half_wave % 2 else -8000 for number in range(int(_RATE * _SECONDS))
    )
    content = b"".join(struct.pack("<h", sample) for sample in samples)
    return Part.of_bytes(content, f"audio/L16;codec=pcm;rate={_RATE}")


def _png(width: int, height: int, seed: str) -> bytes:
    """Stripes in the seed's colours, shifted from line to line."""
    colours = hashlib.blake2b(seed.encode("utf-8", "surrogatepass"), digest_size=48).digest()
    line = (colours * (width * 3 // len(colours) + 2))[: width * 3 + len(colours)]
    lines = (
        b"\0" + line[shift : shift + width * 3]
        for shift in (3 * (row % (len(colours) // 3)) for row in range(height))
    )
    # Stored, not compressed: the bytes must not depend on the zlib of the machine.
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _block(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _block(b"IDAT", zlib.compress(b"".join(lines), 0)),
            _block(b"IEND", b""),
        )
    )


def _block(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
