"""Two looks at a relay → the lines that show what happened in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...relay.telemetry.facts import Facts, Sums

__all__ = ("fields", "percentile", "table")

_MOST_ROWS = 10
_HEAD = ("REQ/S", "FAILED/S", "TOKENS/S", "REQUESTS", "TOKENS", "COST")
_NAMES = 28


def table(before: Facts, now: Facts) -> list[str]:
    """Return the lines for people; rates are of the time between the two looks."""
    rates = fields(before, now)["rates"]
    state = "  DRAINING" if now.is_draining else ""
    lines = [
        f"{rates['requests']:.1f} requests/s   {now.streams} streams open   "
        f"{rates['output_tokens']:.0f} tokens/s   {_dollars(rates['micros'] * 60)}/min{state}",
        f"first content p50 {_time(rates['first_chunk_p50'])}   "
        f"p99 {_time(rates['first_chunk_p99'])}   "
        f"refused {rates['refused']:.1f}/s   loop late {now.lag * 1000:.0f} ms",
    ]
    seconds = _seconds(before, now)
    for title, earlier, later in (
        ("KEY", before.keys, now.keys),
        ("MODEL", before.models, now.models),
        ("ACCOUNT", before.accounts, now.accounts),
    ):
        lines += ["", *_section(title, earlier, later, seconds)]
    return lines


def fields(before: Facts, now: Facts) -> dict[str, Any]:
    """Return the later look with its rates a second, for programs; times in seconds."""
    import msgspec

    seconds = _seconds(before, now)
    pairs = zip(before.first_chunk, now.first_chunk, strict=True)
    counts = [_more(early, late) for early, late in pairs]
    if not any(counts):  # nothing began meanwhile, so what there was before is told
        counts = list(now.first_chunk)
    rates = {
        name: _more(getattr(before, name), getattr(now, name)) / seconds
        for name in ("requests", "refused", "tokens", "output_tokens", "micros")
    }
    return {
        **msgspec.to_builtins(now),
        "seconds": seconds,
        "rates": {
            **rates,
            "first_chunk_p50": percentile(now.bounds, counts, 0.50),
            "first_chunk_p99": percentile(now.bounds, counts, 0.99),
        },
    }


def percentile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """Return a percentile of a histogram, taken evenly within its bucket; None of nothing.

    What lies behind the last bound is told as that bound.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    below = 0.0
    for at, count in enumerate(counts[: len(bounds)]):
        if count and below + count >= wanted:
            least = bounds[at - 1] if at else 0.0
            return least + (bounds[at] - least) * (wanted - below) / count
        below += count
    return bounds[-1]


def _section(title: str, before: Sequence[Sums], now: Sequence[Sums], seconds: float) -> list[str]:
    from ...relay.telemetry.facts import Sums

    earlier = {row.name: row for row in before}
    rows = []
    for row in now:
        known = earlier.get(row.name, Sums(name=row.name))
        requests = _more(known.requests, row.requests)
        failures = _more(known.failures, row.failures)
        tokens = _more(known.output_tokens, row.output_tokens)
        rows.append((requests, failures, tokens, row))
    rows.sort(key=lambda one: (-one[0], -one[3].requests, one[3].name))
    lines = [f"{title:<{_NAMES}}" + "".join(f"{name:>12}" for name in _HEAD)]
    for requests, failures, tokens, row in rows[:_MOST_ROWS]:
        cells = (
            f"{requests / seconds:.1f}",
            f"{failures / seconds:.1f}",
            f"{tokens / seconds:.0f}",
            f"{row.requests:,}",
            f"{row.tokens:,}",
            _dollars(row.micros),
        )
        states = ", ".join(getattr(row, "states", ()))
        name = row.name if len(row.name) < _NAMES else f"{row.name[: _NAMES - 2]}…"
        lines.append(
            f"{name:<{_NAMES}}" + "".join(f"{cell:>12}" for cell in cells) + f"  {states}".rstrip()
        )
    if len(rows) > _MOST_ROWS:
        lines.append(f"… and {len(rows) - _MOST_ROWS} more")
    if not rows:
        lines.append("none yet")
    return lines


def _more(before: int, now: int) -> int:
    """Return what came between two counts; a smaller one was begun anew."""
    return now - before if now >= before else now


def _seconds(before: Facts, now: Facts) -> float:
    return max(0.001, now.at - before.at)


def _dollars(micros: float) -> str:
    return f"${micros / 1_000_000:,.4f}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
