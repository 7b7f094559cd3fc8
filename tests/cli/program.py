"""The real program in a process of its own, and a served emulator for it to talk to."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ("GEMSTREAM", "Result", "ack", "environment", "gemstream", "served", "started")

GEMSTREAM = (sys.executable, "-m", "gemstream")
# A guard against a hang, not a measure: nothing here takes a tenth of it.
GUARD = 60
_PRIVATE = ("GEMINI_", "GOOGLE_", "GEMSTREAM_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")


@dataclass(frozen=True)
class Result:
    """What a finished program left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(**more: str) -> dict[str, str]:
    """This environment without what a developer may have set, and with ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
    return {**kept, **more}


def gemstream(
    *arguments: str | Path,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = GEMSTREAM,
) -> Result:
    """Run the program to its end."""
    done = subprocess.run(
        [*command, *map(str, arguments)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        env=dict(environment() if env is None else env),
        timeout=GUARD,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def started(
    *arguments: str | Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program and give it while it runs; it is gone at the end of the block."""
    process = subprocess.Popen(
        [*GEMSTREAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment() if env is None else env),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def served(folder: Path, script: str = "") -> Iterator[dict[str, str]]:
    """Serve the emulator and give the environment in which the program finds it."""
    file = folder / "script.toml"
    file.write_text(script, encoding="utf-8")
    with started("emulate", "--port", "0", "--script", file) as process:
        assert process.stderr is not None
        url = process.stderr.readline().decode().split()[4].rstrip(";")
        yield environment(GOOGLE_GEMINI_BASE_URL=url, GEMINI_API_KEY="any")
        process.terminate()
        process.wait(GUARD)


def ack(env: Mapping[str, str]) -> None:
    """Let the emulator of ``env`` go on with its script."""
    connection = http.client.HTTPConnection(urlsplit(env["GOOGLE_GEMINI_BASE_URL"]).netloc)
    connection.request("POST", "/emulator/ack")
    assert connection.getresponse().status == 200
    connection.close()
