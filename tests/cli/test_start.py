"""The start: help, version, a missing extra, and a real terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cli.program import GEMSTREAM, GUARD, Result, environment, gemstream
from gemstream import __version__


def test_the_version() -> None:
    assert gemstream("--version") == Result(0, f"gemstream {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["ask", "--help"], ["emulate", "-h"]])
def test_help_tells_the_exit_codes(arguments: list[str]) -> None:
    result = gemstream(*arguments)
    assert (result.code, result.err) == (0, "")
    assert "Exit codes: 0 done; " in result.out


def test_without_a_command_there_is_help_on_stderr() -> None:
    result = gemstream()
    assert (result.code, result.out) == (2, "")
    commands = result.err.partition("Commands:")[2].partition("Exit codes")[0]
    assert "demo" in commands
    assert "..." not in commands  # no sentence is cut short


def test_an_unknown_command_is_one_line() -> None:
    said = "error: no such command 'xyz'; see gemstream --help\n"
    assert gemstream("xyz") == Result(2, "", said)


@pytest.mark.parametrize(
    ("closed", "result"),
    [
        ("<&-", Result(0, "1, 2\n", "note: emulated answer; no model was asked\n")),
        (">&-", Result(0, "", "note: emulated answer; no model was asked\n")),
        ("2>&-", Result(0, "1, 2\n", "")),
    ],
)
def test_a_closed_stream_is_no_stream(closed: str, result: Result) -> None:
    shell = ["sh", "-c", f'exec "$0" -m gemstream ask "Count to 2" --emulate {closed}']
    assert gemstream(command=[*shell, sys.executable]) == result


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is full")
def test_a_full_disk_is_told() -> None:
    shell = ["sh", "-c", 'exec "$0" -m gemstream models --emulate >/dev/full', sys.executable]
    result = gemstream(command=shell)
    assert result.code == 1
    assert "error: the system refused it: No space left on device\n" in result.err
    assert "Traceback" not in result.err


# --- without the extras ----------------------------------------------------------------------

# The program as it is where some libraries are not installed.
WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from gemstream.__main__ import main
sys.exit(main())
"""


def without(*absent: str) -> list[str]:
    return [sys.executable, "-c", WITHOUT.format(absent=absent)]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["ask", "hi", "--emulate"], ["emulate"]])
def test_without_typer_the_extra_is_named(arguments: list[str]) -> None:
    result = gemstream(*arguments, command=without("typer", "rich"))
    assert (result.code, result.out) == (2, "")
    assert "typer" in result.err
    assert "pip install 'gemstream[cli]'" in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("library", ["uvicorn", "httptools", "websockets"])
def test_without_the_server_the_extra_is_named(library: str) -> None:
    result = gemstream("emulate", "--port", "0", command=without(library))
    assert (result.code, result.out) == (2, "")
    assert library in result.err
    assert "gemstream[emulator]" in result.err


def test_the_embedded_emulator_needs_no_server() -> None:
    command = without("uvicorn", "httptools", "websockets")
    assert gemstream("ask", "Count to 2", "--emulate", command=command).out == "1, 2\n"


def test_without_uvloop_asyncio_does() -> None:
    command = without("uvloop")
    assert gemstream("ask", "Count to 2", "--emulate", command=command).out == "1, 2\n"


def test_help_loads_nothing_heavy() -> None:
    program = "import sys; from gemstream.cli import app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=GUARD
    )
    loaded = set(done.stdout.split())
    heavy = {
        "aiohttp",
        "uvicorn",
        "uvloop",
        "gemstream.emulator",
        "gemstream.client.client",
    }
    assert not loaded & heavy


# --- on a terminal ---------------------------------------------------------------------------


def on_a_terminal(*arguments: str, **env: str) -> str:
    """Run the program with a terminal as its stdout and return what the terminal got."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*GEMSTREAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environment(TERM="xterm", **env),
    ) as program:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 4096):
                shown += more
        except OSError:  # how Linux tells that the other end is closed
            pass
        assert program.wait(GUARD) == 0
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colour_unless_told_not_to() -> None:
    arguments = ("ask", "Count to 2", "--emulate", "--timing")
    assert "\x1b[2m[" in on_a_terminal(*arguments)
    assert "\x1b" not in on_a_terminal(*arguments, NO_COLOR="1")


def test_a_terminal_gets_no_empty_line_after_the_answer() -> None:
    assert on_a_terminal("ask", "Count to 2", "--emulate") == "1, 2\n"
    assert on_a_terminal("ask", "say\n", "--emulate").endswith("say\n")


def test_an_answer_cannot_command_a_terminal() -> None:
    shown = on_a_terminal("ask", "\x1b]0;title\x07", "--emulate")
    assert "␛]0;title␇" in shown
    assert "\x1b" not in shown


def test_lines_fit_a_narrow_terminal() -> None:
    shown = on_a_terminal("ask", "Count to 9", "--emulate", "--timing", COLUMNS="30", NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= 30
