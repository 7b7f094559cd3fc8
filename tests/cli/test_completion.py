"""Completion: a real bash with our script sourced is offered what fits, and nothing is sent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.program import GUARD, environment, gemstream
from gemstream.cli.completion import (
    Shell,
    live_models,
    model_names,
    streaming_models,
    thinking_words,
)
from support.servers import BIN

BASH = shutil.which("bash")
needs_bash = pytest.mark.skipif(BASH is None, reason="there is no bash here")

# What Tab does: the words so far, the function that the script declared, what it offers.
TAB = """
set -eu
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
declared=$(complete -p gemstream)
[[ $declared == *"-o default"* ]]
[[ $declared =~ -F\\ ([^\\ ]+) ]]
${BASH_REMATCH[1]} gemstream "${@: -1}" "${@: -2:1}"
printf '%s\\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script as the command prints it."""
    result = gemstream("completion", "bash")
    assert (result.code, result.err) == (0, "")
    place = tmp_path_factory.mktemp("bash") / "gemstream.bash"
    place.write_text(result.out)
    return place


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ``gemstream`` that is this one, whatever is installed."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "gemstream"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gemstream "$@"\n')
    command.chmod(0o755)
    return folder


def offered(script: Path, program: Path, *words: str) -> list[str]:
    """What bash is given for the last of ``words``."""
    path = os.pathsep.join((str(program), str(BIN), os.environ.get("PATH", os.defpath)))
    env = environment(PATH=path, GOOGLE_GEMINI_BASE_URL="http://127.0.0.1:1")
    done = subprocess.run(
        [str(BASH), "--norc", "-c", TAB, "bash", str(script), *words],
        capture_output=True,
        text=True,
        env=env,
        timeout=GUARD,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.split()


@needs_bash
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["gemstream", "do"], {"doctor"}),
        (["gemstream", "comp"], {"completion"}),
        (["gemstream", "doctor", "--on"], {"--online"}),
        (["gemstream", "ask", "--no-"], {"--no-stream"}),
        (
            ["gemstream", "ask", "-m", "gemini-2.5-fl"],
            {"gemini-2.5-flash", "gemini-2.5-flash-lite"},
        ),
        (["gemstream", "ask", "--model", "models/gemini-2.5-p"], {"models/gemini-2.5-pro"}),
        (["gemstream", "models", "gemini-emb"], {"gemini-embedding-001"}),
        (["gemstream", "ask", "--thinking", "o"], {"on", "off"}),
        (["gemstream", "completion", "fi"], {"fish"}),
    ],
)
def test_bash_is_offered_what_fits(
    script: Path, program: Path, words: list[str], expected: set[str]
) -> None:
    found = set(offered(script, program, *words))
    assert expected <= found
    assert all(word.startswith(words[-1]) for word in found)


@needs_bash
@pytest.mark.parametrize("option", ["-f", "--file", "--schema", "--api-key-file"])
def test_files_are_left_to_the_shell(script: Path, program: Path, option: str) -> None:
    for begun in ("./pic", "pic", ""):
        assert offered(script, program, "gemstream", "ask", option, begun) == []


@pytest.mark.parametrize("shell", Shell)
def test_every_shell_has_a_script(shell: Shell) -> None:
    result = gemstream("completion", shell.value, env=environment())
    assert (result.code, result.err) == (0, "")
    assert "_GEMSTREAM_COMPLETE" in result.out


def test_another_shell_is_refused() -> None:
    result = gemstream("completion", "tcsh")
    assert (result.code, result.out) == (2, "")
    assert "'tcsh'" in result.err
    assert result.err.count("\n") == 1


def test_only_models_that_can_be_had_so_are_offered() -> None:
    assert "gemini-embedding-001" in model_names("")
    assert "gemini-embedding-001" not in streaming_models("")
    assert set(streaming_models("")) < set(model_names(""))
    assert "gemini-3.8-live" in live_models("gemini-3")
    assert "gemini-2.5-pro" not in live_models("")
    assert thinking_words("m") == ["minimal", "medium"]
