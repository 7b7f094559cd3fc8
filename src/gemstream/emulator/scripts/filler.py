"""The bulk of a huge chunk: a short marker stands for it until the bytes go out."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ("FILLING", "expanded", "marker")

FILLING = b"A"
"""What a filler is made of: no encoder escapes it, and fours of it are base64."""

_PIECE = FILLING * 65536
_MARKER = "GemstreamEmulatorFiller{:017d}"
_MARKERS = re.compile(rb"GemstreamEmulatorFiller(\d{17})")


def marker(size: int) -> str:
    """Return what stands for ``size`` bytes of filler, or up to three more: base64 is in fours."""
    return _MARKER.format(-(-size // 4) * 4)


def expanded(data: bytes) -> Iterator[bytes]:
    """Yield ``data`` with the fillers in the places of their markers, 64 KiB at a time."""
    for number, piece in enumerate(_MARKERS.split(data)):
        if number % 2 == 0:
            yield piece
            continue
        for start in range(0, int(piece), len(_PIECE)):
            yield _PIECE[: int(piece) - start]
