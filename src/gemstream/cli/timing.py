"""When the chunks of an answer arrived: statistics and a chart, both pure functions."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

import msgspec

__all__ = ("Timing", "chart", "measure", "report")

# From "nothing" upwards; a column with any arrival shows at least the second.
_UNICODE_BARS = "·▁▂▃▄▅▆▇█"
_ASCII_BARS = ".:-=+*%@#"
_WIDEST_CHART = 72


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Arrivals in milliseconds since the request, and what they say of the gaps between them.

    Everything but ``arrivals_ms`` is None when there is too little to tell. ``p99_gap_ms`` is the
    smallest gap that 99 of 100 do not exceed; ``tokens_per_s`` counts all tokens the model wrote
    over the time from the request to the last chunk.
    """

    arrivals_ms: Sequence[float]
    first_ms: float | None = None
    mean_gap_ms: float | None = None
    median_gap_ms: float | None = None
    p99_gap_ms: float | None = None
    max_gap_ms: float | None = None
    tokens_per_s: float | None = None


def measure(arrivals: Sequence[float], tokens: int | None = None) -> Timing:
    """Return the timing of chunks that arrived ``arrivals`` seconds after the request."""
    if not arrivals:
        return Timing(arrivals_ms=[])
    elapsed = arrivals[-1]
    speed = _rounded(tokens / elapsed) if tokens and elapsed > 0 else None
    timing = Timing(
        arrivals_ms=[_ms(arrival) for arrival in arrivals],
        first_ms=_ms(arrivals[0]),
        tokens_per_s=speed,
    )
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    if not gaps:
        return timing
    return msgspec.structs.replace(
        timing,
        mean_gap_ms=_ms(statistics.fmean(gaps)),
        median_gap_ms=_ms(statistics.median(gaps)),
        p99_gap_ms=_ms(_percentile(gaps, 99)),
        max_gap_ms=_ms(max(gaps)),
    )


def report(timing: Timing, *, width: int, unicode: bool) -> list[str]:
    """Return the lines that tell of ``timing``, none when nothing arrived."""
    rows = [
        ("first chunk", timing.first_ms, "ms"),
        ("mean gap", timing.mean_gap_ms, "ms"),
        ("median gap", timing.median_gap_ms, "ms"),
        ("p99 gap", timing.p99_gap_ms, "ms"),
        ("max gap", timing.max_gap_ms, "ms"),
        ("speed", timing.tokens_per_s, "tokens/s"),
    ]
    lines = [f"{name:<11}{value:>10.1f} {unit}" for name, value, unit in rows if value is not None]
    return [*lines, *chart(timing.arrivals_ms, width=width, unicode=unicode)]


def chart(arrivals_ms: Sequence[float], *, width: int, unicode: bool) -> list[str]:
    """Return three lines: a title, a bar for each slice of the time, and the time's two ends."""
    if not arrivals_ms:
        return []
    columns = max(1, min(width, _WIDEST_CHART))
    end = arrivals_ms[-1]
    counts = [0] * columns
    for arrival in arrivals_ms:
        counts[_column(arrival, end, columns)] += 1
    bars = _UNICODE_BARS if unicode else _ASCII_BARS
    highest = max(counts)
    drawn = "".join(bars[_height(count, highest, len(bars) - 1)] for count in counts)
    chunks = "1 chunk" if len(arrivals_ms) == 1 else f"{len(arrivals_ms)} chunks"
    right = f"{end:.0f} ms"
    return [f"{chunks}, {end / columns:.1f} ms a column", drawn, f"0{right:>{columns - 1}}"]


def _column(arrival: float, end: float, columns: int) -> int:
    return min(columns - 1, int(arrival / end * columns)) if end > 0 else columns - 1


def _height(count: int, highest: int, top: int) -> int:
    return 0 if count == 0 else max(1, round(count / highest * top))


def _percentile(values: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile: always one of ``values``."""
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def _ms(seconds: float) -> float:
    return _rounded(seconds * 1000)


def _rounded(value: float) -> float:
    return round(value, 3)
