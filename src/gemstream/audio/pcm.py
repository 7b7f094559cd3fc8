"""Raw speech: PCM of 16 bits, little-endian, one channel.

Rates: https://ai.google.dev/gemini-api/docs/live-guide#audio-formats.
"""

from __future__ import annotations

import array
import math
import sys

from ..errors import InvalidRequest

__all__ = ("BYTES_A_SAMPLE", "INPUT_RATE", "OUTPUT_RATE", "level", "seconds")

INPUT_RATE = 16_000  # samples a second of what the model hears without resampling
OUTPUT_RATE = 24_000  # of what it says
BYTES_A_SAMPLE = 2
_FULL_SCALE = 32_768.0


def level(pcm: bytes) -> float:
    """Return how loud ``pcm`` is: its root mean square, 0.0 for silence to 1.0.

    Empty sound is silent. Raises InvalidRequest for half a sample.
    """
    samples = _samples(pcm)
    if not samples:
        return 0.0
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / _FULL_SCALE


def seconds(pcm: bytes, rate: int) -> float:
    """Return how long ``pcm`` lasts at ``rate`` samples a second; half a sample counts as such."""
    return len(pcm) / (BYTES_A_SAMPLE * rate)


def _samples(pcm: bytes) -> array.array[int]:
    if len(pcm) % BYTES_A_SAMPLE:
        raise InvalidRequest(
            f"the sound has {len(pcm):,} bytes, which is half a sample too many: PCM of 16 bits "
            "has two bytes a sample"
        )
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
