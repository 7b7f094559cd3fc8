"""Show a model two pictures: a file on disk, and bytes made in memory.

Both travel inside the request as base64; gemstream reads, checks and encodes them.
"""

import asyncio
import struct
import tempfile
import zlib
from pathlib import Path

from gemstream import AsyncClient, Part


def png(width: int, height: int, colour: bytes) -> bytes:
    """Return a PNG of one colour, so that the example needs no picture of yours."""

    def block(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + colour * width) * height)
    blocks = block(b"IHDR", header) + block(b"IDAT", rows) + block(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + blocks


async def describe(pictures: list[str | Path | Part]) -> None:
    """Print what the model sees, and what it costs to look."""
    prompt = ["What are these two pictures?", *pictures]
    async with AsyncClient() as client:
        async for text in client.generate_stream(prompt).text_stream:
            print(text, end="", flush=True)
        print()
        counted = await client.count_tokens(prompt)
        print(f"{counted.total_tokens} tokens, pictures included")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        red = Path(folder, "red.png")
        red.write_bytes(png(64, 48, b"\xd0\x20\x20"))
        blue = Part.of_bytes(png(32, 32, b"\x20\x20\xd0"), "image/png")
        asyncio.run(describe([red, blue]))


if __name__ == "__main__":
    main()
