"""How much memory this process has, and how fast that grows."""

from __future__ import annotations

import ctypes
import gc
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ("Growth", "Sample", "growth", "resident")

_STATM = Path("/proc/self/statm")
_MIB = 1024 * 1024
_HOUR = 3600.0


class Sample(NamedTuple):
    """``size`` bytes were resident after ``at`` seconds."""

    at: float
    size: int


class Growth(NamedTuple):
    """MiB an hour, and the standard error of that number."""

    slope: float
    error: float


def resident() -> int:
    """Return the bytes that are resident once the garbage is gone; Linux only.

    What the C library keeps of freed memory is given back first, where it can be asked to: it goes
    up and down by megabytes and is no growth.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(samples: Sequence[Sample]) -> Growth:
    """Return the slope of the line of least squares through three samples or more.

    Memory grows in steps, so what lies beside the line is no pure noise and the true error is
    somewhat larger than the one of the formula.
    """
    count = len(samples)
    middle = sum(sample.at for sample in samples) / count
    mean = sum(sample.size for sample in samples) / count
    spread = sum((sample.at - middle) ** 2 for sample in samples)
    slope = sum((sample.at - middle) * (sample.size - mean) for sample in samples) / spread
    beside = sum((s.size - mean - slope * (s.at - middle)) ** 2 for s in samples)
    error = math.sqrt(beside / (count - 2) / spread)
    return Growth(slope * _HOUR / _MIB, error * _HOUR / _MIB)
