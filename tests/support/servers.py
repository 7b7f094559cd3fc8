"""Servers in processes of their own, for tests of what a user starts in a second terminal."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
START_SECONDS = 20


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """Start the emulator in a process of its own and give its URL."""
    port = free_port()
    with serving([str(BIN / "gemstream"), "emulate", "--port", str(port)], port, folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def relay(folder: Path) -> Iterator[tuple[str, str]]:
    """Start a relay in front of an emulator, and give its URL and a key for it."""
    port = free_port()
    command = [str(BIN / "gemstream"), "relay", "serve", "--emulate", "--json", "--port", str(port)]
    with serving(command, port, folder):
        # The line is written once it serves, which is a little after it listens.
        while not (told := (folder / "server.log").read_text(encoding="utf-8")).endswith("\n"):
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", json.loads(told)["key"]


@contextmanager
def serving(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    """Keep a server running, from the moment it listens."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for_listener(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for_listener(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    said = log.read_text(encoding="utf-8", errors="replace")
    raise AssertionError(f"nothing listens on port {port}; the server said:\n{said}")
