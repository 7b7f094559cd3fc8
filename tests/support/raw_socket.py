"""A WebSocket server of bytes: it shakes hands, then a test writes and reads frames itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re

from support.peers import read_head

__all__ = ("frame", "read_frame", "shake_hands")

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the client's handshake through."""
    key = re.search(rb"(?i)sec-websocket-key: (\S+)", await read_head(reader))
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return one whole frame of the server, of at most 125 bytes."""
    return bytes((0x80 | opcode, len(payload))) + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return opcode and payload of the client's next frame, of less than 64 KiB."""
    first, length = await reader.readexactly(2)
    size = length & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4)
    masked = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
