"""The recorded answers and the SSE vectors, and ways to frame and cut them anew."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
RESPONSES = VECTORS / "responses" / "googleai"

# Every 2-way split of inputs up to here; of larger ones, one split every so many bytes.
SMALL = 5 * 1024

STREAMS = sorted(path.name for path in RESPONSES.glob("streaming-*"))
UNARY = sorted(path.name for path in RESPONSES.glob("unary-*"))
ANSWERS = sorted(name for name in STREAMS if "image-rejected" not in name)


def recorded(name: str) -> bytes:
    """The bytes of one recorded body."""
    return (RESPONSES / name).read_bytes()


def vectors(profile: str) -> list[dict[str, Any]]:
    """The vectors of ``whatwg`` or ``gemini``, each with its ``input`` as bytes."""
    table = json.loads((VECTORS / "sse.json").read_bytes())[profile]
    return [{**vector, "input": base64.b64decode(vector["input_b64"])} for vector in table]


def payloads_of(name: str) -> list[bytes]:
    """The JSON objects of a recorded stream, cut out by its own line ends and nothing of ours."""
    return [line[6:] for line in recorded(name).splitlines() if line.startswith(b"data: ")]


def framings(payloads: list[bytes]) -> dict[str, tuple[str, bytes]]:
    """The same payloads in every framing: content type and body."""
    return {
        "sse": ("text/event-stream", b"".join(b"data: %b\r\n\r\n" % p for p in payloads)),
        "sse-lf": ("text/event-stream", b"".join(b"data:%b\n\n" % p for p in payloads)),
        "array": ("application/json", b"[" + b"\n,\r\n".join(payloads) + b"\n]\n"),
        "objects": ("application/json", b"\n".join(payloads)),
        "naked": ("text/event-stream", b"".join(payloads)),
    }


def cut(data: bytes, *places: int) -> list[bytes]:
    """The pieces of ``data`` between ``places``."""
    return [data[start:end] for start, end in pairwise((0, *sorted(places), len(data)))]


def partitions(data: bytes, *, splits: int | None = None) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and cut in two: at every place, or at about ``splits`` of them."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    step = 1 if len(data) <= SMALL else len(data) // 50
    for place in range(0, len(data) + 1, max(step, len(data) // splits if splits else 1)):
        yield [data[:place], data[place:]]
