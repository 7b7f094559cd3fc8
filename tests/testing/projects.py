"""Small projects of strangers, and their own pytest run on them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

__all__ = ("project", "run")

_OURS = ("GEMINI", "GOOGLE", "PYTEST", "CI")


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder that knows nothing of gemstream's own tests."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)} | variables
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def project(folder: Path, test: str, **files: str) -> Path:
    """Write a project of one test file."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (folder / "test_it.py").write_text(textwrap.dedent(test))
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(textwrap.dedent(text))
    return folder
