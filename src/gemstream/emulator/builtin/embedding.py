"""Vectors from text: unit length, the same for the same text, near for similar texts.

Strategy. A third of a vector is noise seeded by the whole text, so no two texts share one; the
rest adds a few fixed directions for every word, so texts that share words are near each other. A
shorter vector is the beginning of the longer one, brought back to unit length.
"""

from __future__ import annotations

import functools
import hashlib
import math
import random
import re

__all__ = ("embed_text",)

_WORD = re.compile(r"\w+")
_DIRECTIONS = 64  # of each word; enough that two words rarely look alike


@functools.lru_cache(maxsize=256)
def embed_text(text: str, dimensions: int, full_dimensions: int) -> tuple[float, ...]:
    """Return the first ``dimensions`` of the text's ``full_dimensions``, as a unit vector."""
    words = [0.0] * full_dimensions
    for word in _WORD.findall(text.lower()):
        generator = _generator(word)
        for _ in range(_DIRECTIONS):
            words[generator.randrange(full_dimensions)] += generator.choice((-1.0, 1.0))
    generator = _generator(text)
    noise = [generator.uniform(-1.0, 1.0) for _ in range(full_dimensions)]
    return _unit([2 * a + b for a, b in zip(_unit(words), _unit(noise), strict=True)][:dimensions])


def _generator(text: str) -> random.Random:
    # Bytes of a digest, for str hashes differ from process to process.
    return random.Random(hashlib.blake2b(text.encode("utf-8", "surrogatepass")).digest())


def _unit(values: list[float]) -> tuple[float, ...]:
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return tuple(value / length for value in values)
