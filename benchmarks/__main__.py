"""python -m benchmarks: measure the bars and say whether they hold."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from .bars import BARS
from .harness import Bar, Result
from .relays import Contest
from .report import machine, plain, table

__all__ = ("main",)


def main() -> int:
    """Print one JSON object per bar and rival; returns 1 when one fails, 2 for wrong usage."""
    options = _parser().parse_args()
    chosen = [bar for bar in BARS if _is_chosen(bar, options.names)]
    if not chosen:
        names = ", ".join(bar.name for bar in BARS)
        print(
            f"no bar begins with {' or '.join(options.names)}; there are: {names}", file=sys.stderr
        )
        return 2
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _interrupt)  # so that what was started is ended then, too
    results: list[Result] = []
    try:
        for bar in chosen:
            _tell(f"{bar.name}: {bar.about}, against {bar.rival} …")
            for result in bar.results(options.rounds):
                results.append(result)
                print(json.dumps(plain(result), ensure_ascii=False), flush=True)
    except KeyboardInterrupt:
        _tell("interrupted")
        return 130
    _tell("\n" + table(results))
    if options.json is not None:
        _write(options.json, results)
    return 0 if all(result.passes for result in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="bars that begin so (all)")
    parser.add_argument("--rounds", type=_positive, default=5, help="rounds of each bar (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all results here")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _is_chosen(bar: Bar | Contest, names: list[str]) -> bool:
    return not names or any(bar.name.startswith(name) for name in names)


def _tell(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


def _write(path: Path, results: list[Result]) -> None:
    whole = {**machine(), "bars": [plain(result) for result in results]}
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
