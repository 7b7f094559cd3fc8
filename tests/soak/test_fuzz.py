"""Minutes of coverage-guided fuzzing: no untyped exception, no hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.fuzz_targets import TARGETS

pytestmark = pytest.mark.soak

SECONDS = int(os.environ.get("GEMSTREAM_FUZZ_SECONDS", "600"))
PROGRAM = Path(__file__).with_name("fuzz.py")


@pytest.mark.parametrize("name", TARGETS)
def test_the_fuzzer_finds_nothing(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    command = [sys.executable, str(PROGRAM), name, str(SECONDS), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 120)
    assert run.returncode == 0, f"{run.stdout[-2000:]}\n{run.stderr[-4000:]}"
