"""The way out of a command: what an error costs, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cli.program import GEMSTREAM, GUARD, Result, environment, gemstream

# Standard output is a pipe here, so what is printed waits in its buffer until the end.
FAILING = """
import sys
from gemstream import errors
from gemstream.cli.session import run_command
from typer import Exit

def main():
    print("so far")
    raise {error}

try:
    run_command(main)
except Exit as end:
    sys.exit(end.exit_code)
"""

BUG = "this is a bug in gemstream"
ENDS = [
    ('errors.IdleTimeout("silent for 3 s")', 5, "so far\n", "silent for 3 s"),
    ('errors.TotalTimeout("took 3 s")', 5, "so far\n", "took 3 s; --timeout raises the limit"),
    ("TimeoutError()", 1, "so far\n", f"{BUG}: TimeoutError(); --debug shows where"),
    ("ValueError()", 1, "so far\n", f"{BUG}: ValueError(); --debug shows where"),
    ('OSError(28, "No space left")', 1, "", "the system refused it: No space left"),
]


@pytest.mark.parametrize(("error", "code", "out", "said"), ENDS)
def test_only_what_the_system_refused_costs_the_output(
    error: str, code: int, out: str, said: str
) -> None:
    result = gemstream(command=[sys.executable, "-c", FAILING.format(error=error)])
    assert result == Result(code, out, f"error: {said}\n")


@pytest.mark.parametrize("arguments", [["ask", "Count to 9", "--emulate"], ["models", "--emulate"]])
def test_a_reader_that_has_enough_is_no_error(arguments: list[str]) -> None:
    with subprocess.Popen(
        [*GEMSTREAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as program:
        assert program.stdout is not None and program.stderr is not None
        assert program.stdout.read(1)
        program.stdout.close()
        said = program.stderr.read().decode().splitlines()
        assert program.wait(GUARD) in (0, 1)  # 0: all was written before we left
    assert not [line for line in said if not line.startswith("note: ")]
