"""Runs one target under atheris: ``python tests/soak/fuzz.py TARGET SECONDS FOLDER``.

A program of its own, for the fuzzer instruments what it imports and ends its process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["gemstream"]):
    from support.fuzz_targets import SEEDS, TARGETS


def main() -> None:
    """Fuzz until the time is over, or to the first fault."""
    name, seconds, folder = sys.argv[1:]
    corpus = Path(folder)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-timeout=10",  # an input that takes longer hangs
        "-max_len=4096",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
