"""Sound as PCM of 16 bits: so many milliseconds loud, quiet, faint."""

from __future__ import annotations

import array
import sys

__all__ = ("faint", "loud", "pcm", "quiet")


def pcm(ms: int, height: int, rate: int = 16_000) -> bytes:
    """Sound that swings between ``height`` and its negative, so that its level is that height."""
    samples = array.array("h", [height, -height] * (rate * ms // 2000))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def loud(ms: int, rate: int = 16_000) -> bytes:
    """Speech, at a quarter of full scale."""
    return pcm(ms, 8192, rate)


def faint(ms: int, rate: int = 16_000) -> bytes:
    """Speech from afar, at a fiftieth of full scale."""
    return pcm(ms, 655, rate)


def quiet(ms: int, rate: int = 16_000) -> bytes:
    """A quiet room, at a thousandth of full scale."""
    return pcm(ms, 33, rate)
