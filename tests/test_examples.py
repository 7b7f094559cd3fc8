"""Each example is a program that does what it says, against an emulator on a socket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.page_runner import page_environment
from support.servers import emulator
from support.sources import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
TEN = ", ".join(map(str, range(1, 11)))
TWENTY = "".join(f"{number}, " for number in range(1, 21))

# What each prints, line by line; the emulator answers the same every time.
PRINTED = {
    "callback.py": [
        r"1, 2, 3, 4, 5",
        r"confirmed: STOP",
        TWENTY,
        rf"stopped: {len(TWENTY)} characters were shown",
    ],
    "cancel.py": [
        r"left after 2\d characters: stopped",
        r"cancelled from another task: stopped",
    ],
    "per_request_model.py": [
        r"gemini-2\.5-flash-lite: .*Draft a sentence about the sea",
        r"gemini-2\.5-flash: .*Criticise in one sentence: .*Draft a sentence about the sea",
        r"gemini-2\.5-pro: .*Improve: .*",
        r"Mind this: .*Criticise.*",
    ],
    "stream.py": [TEN, r"\d+ tokens, finish STOP, confirmed"],
    "vision.py": [
        r"You sent a PNG image of 64 x 48 pixels, a PNG image of 32 x 32 pixels\. You said: .*",
        r"5\d\d tokens, pictures included",
    ],
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an emulator for all of them."""
    with emulator(tmp_path_factory.mktemp("emulator")) as address:
        yield address


def _run(example: str, folder: Path, url: str | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / example)],
        cwd=folder,
        env=page_environment(os.environ, folder, url),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_example_is_tried() -> None:
    assert sorted(PRINTED) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("example", PRINTED)
def test_the_example_prints_what_it_promises(example: str, url: str, tmp_path: Path) -> None:
    run = _run(example, tmp_path, url)
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert len(lines) == len(PRINTED[example]), run.stdout
    for line, expected in zip(lines, PRINTED[example], strict=True):
        assert re.fullmatch(expected, line), line
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


@pytest.mark.parametrize("example", PRINTED)
def test_without_a_key_the_example_says_what_is_missing(example: str, tmp_path: Path) -> None:
    run = _run(example, tmp_path, None)
    assert run.returncode == 1
    assert "MissingCredentials: no API key" in run.stderr


@pytest.mark.parametrize("example", PRINTED)
def test_the_readme_lists_the_example(example: str) -> None:
    assert f"examples/{example}" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
