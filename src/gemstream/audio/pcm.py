"""Raw speech: PCM of 16 bits, little-endian, one channel.

Rates: https://ai.google.dev/gemini-api/docs/live-guide#audio-formats.
"""

from __future__ import annotations

import array
import math
import re
import sys
from collections.abc import Iterator

from ..errors import InvalidRequest

__all__ = (
    "BYTES_A_SAMPLE",
    "INPUT_RATE",
    "OUTPUT_RATE",
    "check_rate",
    "check_whole",
    "chunks",
    "level",
    "mime_type",
    "rate_of",
    "samples_of",
    "seconds",
)

INPUT_RATE = 16_000  # samples a second of what the model hears without resampling
OUTPUT_RATE = 24_000  # of what it says
BYTES_A_SAMPLE = 2
_FULL_SCALE = 32_768.0
# One message a tenth of a second: below what a listener notices, above what headers would eat.
_CHUNK_MILLISECONDS = 100
_RATE = re.compile(r';\s*rate\s*=\s*"?([0-9]{1,9})"?\s*(?:;|$)', re.ASCII | re.IGNORECASE)


def level(pcm: bytes) -> float:
    """Return how loud ``pcm`` is: its root mean square, 0.0 for silence to 1.0.

    Empty sound is silent. Raises InvalidRequest for half a sample.
    """
    samples = samples_of(pcm)
    if not samples:
        return 0.0
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / _FULL_SCALE


def seconds(pcm: bytes, rate: int) -> float:
    """Return how long ``pcm`` lasts at ``rate`` samples a second; half a sample counts as such."""
    return len(pcm) / (BYTES_A_SAMPLE * rate)


def chunks(pcm: bytes, rate: int, *, milliseconds: float = _CHUNK_MILLISECONDS) -> Iterator[bytes]:
    """Return ``pcm`` in pieces of so many milliseconds, each of whole samples; the last is shorter.

    ``rate``: samples a second. Raises InvalidRequest at once for half a sample, for a rate that is
    none, and for a time in which not one sample fits.
    """
    check_whole(pcm)
    check_rate(rate)
    samples = int(rate * milliseconds / 1000) if math.isfinite(milliseconds) else 0
    if samples < 1:
        raise InvalidRequest(
            f"chunks of {milliseconds:g} ms hold no sample at {rate:,} Hz; 20 to 100 ms are usual"
        )
    size = samples * BYTES_A_SAMPLE
    return (pcm[start : start + size] for start in range(0, len(pcm), size))


def mime_type(rate: int) -> str:
    """Return the type that names raw speech of ``rate`` samples a second."""
    return f"audio/pcm;rate={rate}"


def rate_of(mime_type: str) -> int:
    """Return the samples a second that the type of the model's speech names.

    24,000 when it names none, for that is how the models speak. Raises InvalidRequest for a type
    that is no raw speech.
    """
    if mime_type and not mime_type.lower().startswith(("audio/pcm", "audio/l16")):
        raise InvalidRequest(f"{mime_type!r} is not raw speech; that is audio/pcm")
    found = _RATE.search(mime_type)
    return int(found[1]) if found and int(found[1]) else OUTPUT_RATE


def check_rate(rate: int) -> None:
    """Raise InvalidRequest for a rate that is no number of samples a second."""
    if type(rate) is not int or not 0 < rate < 2**32:
        raise InvalidRequest(f"the rate is {rate!r}; give samples a second, as {INPUT_RATE:,}")


def check_whole(pcm: bytes) -> None:
    """Raise InvalidRequest for sound that ends in the middle of a sample."""
    if len(pcm) % BYTES_A_SAMPLE:
        raise InvalidRequest(
            f"the sound has {len(pcm):,} bytes, which is half a sample too many: PCM of 16 bits "
            "has two bytes a sample"
        )


def samples_of(pcm: bytes) -> array.array[int]:
    """Return the samples; raises InvalidRequest for half a sample."""
    check_whole(pcm)
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
