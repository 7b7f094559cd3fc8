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

__all__ = (
    "GEMSTREAM",
    "GUARD",
    "Result",
    "Served",
    "environment",
    "gemstream",
    "served",
    "started",
)

GEMSTREAM = (sys.executable, "-m", "gemstream")
# A guard against a hang, not a measure: nothing here takes a tenth of it.
GUARD = 60
_PRIVATE = (
    "GEMINI_",
    "GOOGLE_",
    "GEMSTREAM_",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "TERM",
    "PYTHONUNBUFFERED",  # it would flush for us
)


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
    *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program and give it while it runs; it is gone at the end of the block."""
    process = subprocess.Popen(
        [*GEMSTREAM, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment() if env is None else env),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


class Served:
    """An emulator in a process of its own; ``env`` is where the program finds it."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url).netloc
        self.env = environment(GOOGLE_GEMINI_BASE_URL=url, GEMINI_API_KEY="any")

    def play(self, script: str) -> dict[str, str]:
        """Answer by ``script`` from now on, and by nothing of before."""
        self._post("reset")
        self._post("script", script)
        return self.env

    def ack(self) -> None:
        """Let the script go on."""
        self._post("ack")

    def advance(self, seconds: float) -> None:
        """Set the clock forward."""
        self._post("clock", json.dumps({"advance": seconds}))

    def _post(self, control: str, body: str = "") -> None:
        connection = http.client.HTTPConnection(self._place)
        connection.request("POST", f"/emulator/{control}", body)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()


@contextmanager
def served(*arguments: str | Path) -> Iterator[Served]:
    """Serve the emulator until the end of the block."""
    with started("emulate", "--port", "0", *arguments) as process:
        assert process.stderr is not None
        yield Served(process.stderr.readline().decode().split()[4].rstrip(";"))
        process.terminate()
        process.wait(GUARD)
