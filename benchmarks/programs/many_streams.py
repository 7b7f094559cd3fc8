"""Memory per stream, in KiB, with all of them open at once; and that each gets its own chunks.

Each stream asks with a label of its own, which the upstream puts into every chunk. Half-way the
upstream holds all of them; when the last has arrived there, memory is read and they are released.

usage: python -m benchmarks.programs.many_streams PORT CLIENT STREAMS CHUNKS
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys

import uvloop

from .clients import CLIENTS, Client
from .process import raise_file_limit, resident_size

__all__ = ("main",)

_PATIENCE = 60  # seconds until streams that do not arrive count as hanging


class _Streams:
    """Streams on their way to the gate, and behind it."""

    def __init__(self, client: Client, streams: int, chunks: int) -> None:
        self._client = client
        self._streams = streams
        self._chunks = chunks
        self._waiting = 0
        self._all_wait = asyncio.Event()

    async def read_all(self, port: int) -> int:
        """Read every stream to its end; returns the memory taken while all were open."""
        gc.collect()
        before = resident_size()
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
            for number in range(self._streams):
                group.create_task(self._read(f"stream-{number}"))
            await self._all_wait.wait()
            gc.collect()
            taken = resident_size() - before
            await _release(port)
        return taken

    async def _read(self, label: str) -> None:
        count = 0
        async for text in self._client.texts(label):
            if not text.startswith(f"{label} {count} "):
                raise SystemExit(f"chunk {count} of {label} is not its own: {text[:40]!r}")
            count += 1
            if count == self._chunks // 2:
                self._arrive()
        if count != self._chunks:
            raise SystemExit(f"{label} ended after {count} of {self._chunks} chunks")

    def _arrive(self) -> None:
        self._waiting += 1
        if self._waiting == self._streams:
            self._all_wait.set()


async def _release(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /release HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def _measure(port: int, name: str, streams: int, chunks: int) -> float:
    client = CLIENTS[name](f"http://127.0.0.1:{port}")
    await _Streams(client, 1, chunks).read_all(port)  # imports, caches
    taken = await _Streams(client, streams, chunks).read_all(port)
    await client.aclose()
    return taken / streams / 1024


def main() -> None:
    """Print the measurement as one JSON object."""
    port, name, streams, chunks = sys.argv[1:]
    raise_file_limit()
    value = uvloop.run(_measure(int(port), name, int(streams), int(chunks)))
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
