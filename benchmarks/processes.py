"""Child processes of a run: started clean, timed, and always ended.

Every child leads a session of its own, so that Ctrl-C reaches only the run, which then ends what
it started; the upstream ends with the run's end of its standard input in any case.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = (
    "REPOSITORY",
    "MeasurementFailed",
    "child",
    "environment",
    "finish",
    "measured",
    "time_to_end",
    "time_to_first_line",
    "upstream",
)

REPOSITORY = Path(__file__).resolve().parents[1]
_PATIENCE = 120  # seconds; the slowest measurement takes under ten
# Settings of whoever runs this must not steer, slow or speed what is measured.
_FOREIGN = ("GOOGLE_", "GEMINI_", "GEMSTREAM_", "PYTHONDONTWRITE", "PYTHONPROFILE")


class MeasurementFailed(Exception):
    """A child said something else than a measurement."""


@contextmanager
def upstream(program: str, options: Sequence[str]) -> Iterator[int]:
    """Run the stand-in for the service that ``program`` is; gives its port."""
    with child(["-m", f"benchmarks.programs.{program}", *options]) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise MeasurementFailed(f"the upstream did not start: {_last_words(process)}")
        yield int(line)


def measured(program: str, *arguments: object) -> float:
    """Return the value that one of ``benchmarks.programs`` prints."""
    command = ["-m", f"benchmarks.programs.{program}", *map(str, arguments)]
    with child(command) as process:
        said, complaint = finish(process, " ".join(command[1:]))
    try:
        return float(json.loads(said.splitlines()[-1])["value"])
    except (IndexError, KeyError, ValueError):
        raise MeasurementFailed(f"{program} printed {said!r} {complaint[-500:]!r}") from None


def time_to_first_line(program: str, *arguments: object) -> float:
    """Return the seconds from starting one of ``benchmarks.programs`` to its first line."""
    began = time.perf_counter()
    with child(["-m", f"benchmarks.programs.{program}", *map(str, arguments)]) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = time.perf_counter() - began
        finish(process, program)
    if not line:
        raise MeasurementFailed(f"{program} ended without a line")
    return took


def time_to_end(code: str) -> float:
    """Return the seconds that an interpreter takes for ``code``, from its start to its end."""
    began = time.perf_counter()
    with child(["-c", code]) as process:
        finish(process, code)
        return time.perf_counter() - began


@contextmanager
def child(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run an interpreter with these arguments, and end it afterwards."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def finish(process: subprocess.Popen[str], what: str) -> tuple[str, str]:
    """Wait for its end; returns what it said and what it complained about."""
    try:
        said, complaint = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise MeasurementFailed(f"{what} took longer than {_PATIENCE} s") from None
    if process.returncode:
        last = complaint.strip().splitlines()[-1:] or ["nothing"]
        raise MeasurementFailed(f"{what} ended with {process.returncode}: {last[0]}")
    return said, complaint


def _last_words(process: subprocess.Popen[str]) -> str:
    _, complaint = process.communicate(timeout=_PATIENCE)
    return complaint.strip()[-500:]


def environment() -> dict[str, str]:
    """Return the environment less what would steer what is measured."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.lower().endswith("_proxy")
    }
