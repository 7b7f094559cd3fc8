"""One event of many MiB, an image say, in reads of 1 KiB: its time or its peak memory.

usage: python -m benchmarks.programs.large_event MIB time|memory gemstream|bare
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator

__all__ = ("main",)

_READ = 1024
_MIB = 1024 * 1024
_HEAD = (
    b'data: {"candidates":[{"content":{"role":"model","parts":[{"inlineData":'
    b'{"mimeType":"image/png","data":"'
)
_TAIL = b'"}}]},"finishReason":"STOP","index":0}]}\r\n\r\n'

Read = Callable[[Iterator[bytes]], None]


def _reads(size: int) -> Iterator[bytes]:
    """Yield the event without ever holding it: one piece of base64 again and again."""
    piece = b"A" * _READ
    yield _HEAD
    for _ in range(size // _READ):
        yield piece
    yield _TAIL


def _gemstream() -> Read:
    from gemstream.policy.generation import Generation

    def read(reads: Iterator[bytes]) -> None:
        generation = Generation("text/event-stream")
        chunks = [chunk for data in reads for chunk in generation.receive_data(data)]
        generation.receive_eof()
        if len(chunks) != 1:
            raise SystemExit(f"one event became {len(chunks)} chunks")

    return read


def _bare() -> Read:
    """Return the least that could work: one buffer, one decode into plain dicts."""
    import msgspec

    def read(reads: Iterator[bytes]) -> None:
        buffer = bytearray()
        for data in reads:
            buffer += data
        msgspec.json.decode(memoryview(buffer)[6:-4])

    return read


_READERS: dict[str, Callable[[], Read]] = {"gemstream": _gemstream, "bare": _bare}


def _seconds(read: Read, size: int) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        read(_reads(size))
        best = min(best, time.process_time() - began)
    return best


def _peak(read: Read, size: int) -> float:
    """Return the peak memory as a multiple of the event."""
    tracemalloc.start()
    read(_reads(size))
    return tracemalloc.get_traced_memory()[1] / size


def main() -> None:
    """Print the measurement as one JSON object: ms, or a multiple of the event's size."""
    mib, what, reader = sys.argv[1:]
    size = int(mib) * _MIB
    read = _READERS[reader]()
    read(_reads(_READ))  # imports, caches
    value = _peak(read, size) if what == "memory" else _seconds(read, size) * 1e3
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
