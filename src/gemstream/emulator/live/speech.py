"""The built-in voice: a tone for each word, always the same for the same word.

PCM of 16 bits, little-endian, mono, at 24 kHz.
"""

from __future__ import annotations

import array
import functools
import hashlib
import math
import sys

__all__ = ("MIME_TYPE", "RATE", "WORD_SECONDS", "spoken")

RATE = 24_000
MIME_TYPE = f"audio/pcm;rate={RATE}"
WORD_SECONDS = 0.2
_TONES = 24  # two octaves upwards from the lowest, in semitones
_LOWEST = 220.0  # Hz
_LOUDNESS = 8000
_FADE_SECONDS = 0.01  # without it every word begins and ends with a click


def spoken(word: str) -> bytes:
    """Return ``word`` as sound of ``WORD_SECONDS``; the spaces around it say nothing."""
    digest = hashlib.blake2b(word.strip().encode("utf-8", "surrogatepass"), digest_size=1).digest()
    return _tone(digest[0] % _TONES)


@functools.cache
def _tone(number: int) -> bytes:
    length, fade = int(RATE * WORD_SECONDS), int(RATE * _FADE_SECONDS)
    angle = 2 * math.pi * _LOWEST * 2 ** (number / 12) / RATE
    samples = array.array("h")
    for place in range(length):
        strength = min(1.0, place / fade, (length - 1 - place) / fade)
        samples.append(round(_LOUDNESS * strength * math.sin(angle * place)))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
