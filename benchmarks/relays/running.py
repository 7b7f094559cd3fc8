"""A relay that runs, from its start to its end; and the load that is put on it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..processes import REPOSITORY, MeasurementFailed, child, environment, finish
from ..programs.relay_absent import ABSENT
from .surface import KEY, Surface
from .tree import cpu_seconds, resident_kib

__all__ = ("Load", "RelayAbsent", "Running", "running")

_START = 90  # seconds; LiteLLM takes ten on a busy machine
_LOG_TAIL = 400


class RelayAbsent(Exception):
    """It is not installed; the message says what would install it."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """Who asks for what: callers at once, requests in all, chunks an answer and their pace."""

    callers: int = 20
    requests: int = 20
    chunks: int = 100
    delay: float = 0.002  # seconds
    key: str = KEY
    status: int = 200
    address_after: int = 0  # requests from each address; 0 for one address

    @property
    def prompt(self) -> str:
        """What the stand-in is to be told."""
        return f"chunks={self.chunks} delay={self.delay}"


@dataclass(frozen=True)
class Running:
    """A relay at work in front of the stand-in at port ``upstream``."""

    name: str
    pid: int
    port: int
    upstream: int

    @property
    def cpu(self) -> float:
        """CPU seconds of its processes until now."""
        return cpu_seconds(self.pid)

    @property
    def resident(self) -> int:
        """KiB that its processes have in RAM."""
        return resident_kib(self.pid)

    def put(self, load: Load, surface: Surface) -> dict[str, Any]:
        """Put ``load`` on it; returns what the callers saw. An error fails the measurement."""
        with child(self.command(load, surface)) as callers:
            said, _ = finish(callers, f"the load of {self.name}")
        return self.judged(said)

    def judged(self, said: str) -> dict[str, Any]:
        """Return what callers said last, unless they saw errors."""
        seen: dict[str, Any] = json.loads(said.splitlines()[-1])
        if seen["errors"]:
            raise MeasurementFailed(f"{self.name}: {seen['errors']} errors: {seen['why']}")
        return seen

    def command(self, load: Load, surface: Surface, announce: int = 0) -> list[str]:
        """Return the arguments of the interpreter that is the callers."""
        headers = surface.headers(load.key, self.upstream)
        return [
            *("-m", "benchmarks.programs.relay_load"),
            f"http://127.0.0.1:{self.port}{surface.path}",
            *("--body", surface.body(load.prompt)),
            *(f"--header={line}" for line in headers),
            *("--requests", str(load.requests)),
            *("--concurrency", str(load.callers)),
            *("--events", str(load.chunks if load.status == 200 else 0)),
            *("--status", str(load.status)),
            *("--announce", str(announce)),
            *("--address-after", str(load.address_after)),
        ]


@contextmanager
def running(name: str, program: str, upstream: int) -> Iterator[Running]:
    """Run the relay that ``program`` becomes. Raises RelayAbsent, MeasurementFailed."""
    with tempfile.TemporaryDirectory(prefix="gemstream-bench-") as folder:
        port = _free_port()
        log = Path(folder, "log")
        command = [sys.executable, "-m", f"benchmarks.programs.{program}"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, str(upstream), str(port), folder],
                cwd=REPOSITORY,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _wait(name, process, port, log)
            yield Running(name, process.pid, port, upstream)
        finally:
            _end(process)


def _wait(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return once somebody listens at ``port``."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.poll() == ABSENT:
            raise RelayAbsent(log.read_text().strip())
        if process.returncode is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    last = log.read_text(errors="replace").strip()[-_LOG_TAIL:]
    raise MeasurementFailed(f"{name} did not start: {last}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and its workers, which are of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
