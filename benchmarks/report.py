"""Results as JSON, a line each, and as a table for people."""

from __future__ import annotations

import os
import platform
import statistics
import time
from typing import Any

from .harness import Result

__all__ = ("machine", "plain", "table")

_LIMITS = {"ratio": "{0}", "ours": "{0} {1}", "difference": "+{0} {1}"}
_COLUMNS = ("bar", "ours", "rival", "ratio", "spread", "limit", "", "against")


def plain(result: Result) -> dict[str, Any]:
    """Return ``result`` as the JSON object that stands for it."""
    bar = result.bar
    ratios = result.ratios
    return {
        "bar": bar.name,
        "ours": _median(result.ours),
        "rival": _median(result.rival),
        "ratio": _median(ratios),
        "difference": _median(result.differences),
        "limit": bar.limit,
        "pass": None if result.absent else result.passes,
        "unit": bar.unit,
        "rival_name": bar.rival,
        "limit_of": bar.limit_of,
        "rounds": len(ratios),
        "spread": [_rounded(min(ratios)), _rounded(max(ratios))] if ratios else None,
        "about": bar.about,
        **({"error": result.error} if result.error else {}),
        **({"absent": f"install it with: {result.absent}"} if result.absent else {}),
    }


def machine() -> dict[str, Any]:
    """Return what a figure depends on beside the code."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }


def table(results: list[Result]) -> str:
    """Return ``results`` as columns of text."""
    rows = [_COLUMNS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 7) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(result: Result) -> tuple[str, ...]:
    shown = plain(result)
    if result.error is not None:
        return (result.bar.name, "", "", "", "", "", "FAILED", result.error)
    if result.absent is not None:
        missing = f"{result.bar.rival}; install it with: {result.absent}"
        return (result.bar.name, "", "", "", "", "", "absent", missing)
    limit = "" if result.bar.limit is None else f"{result.bar.limit:g}"
    low, high = shown["spread"]
    return (
        result.bar.name,
        f"{shown['ours']:g} {result.bar.unit}",
        f"{shown['rival']:g}",
        f"{shown['ratio']:g}",
        f"{low:g}–{high:g}",
        _LIMITS[result.bar.limit_of].format(limit, result.bar.unit) if limit else "",
        "pass" if result.passes else "FAILED",
        result.bar.rival,
    )


def _median(values: list[float]) -> float | None:
    return _rounded(statistics.median(values)) if values else None


def _rounded(value: float) -> float:
    """Return three significant digits: the fourth changes from run to run."""
    return float(f"{value:.3g}")
