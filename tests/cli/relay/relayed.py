"""``gemstream relay serve`` in a process of its own, and callers of it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.program import GEMSTREAM, GUARD, environment

__all__ = ("KEY", "Relayed", "Streamed", "eventually", "is_alive", "relay_file", "relayed")

KEY = "a-key-of-the-tests-0123456789"
MODEL = "gemini-2.5-flash"


def relay_file(folder: Path, upstream: str, server: str = "", more: str = "") -> Path:
    """Write a relay's file; ``server`` are lines of its table."""
    path = folder / "relay.toml"
    text = f"""
[server]
port = 0
{server}
[ledger]
url = "sqlite:///{folder}/books.db"
[limits]
store = "machine"
[[accounts]]
name = "one"
api_key = "any"
base_url = "{upstream}"
[[keys]]
name = "team-a"
key = "{KEY}"
{more}
"""
    # As an editor does: nobody meets half a file.
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
    return path


class Relayed:
    """A running relay."""

    def __init__(self, process: subprocess.Popen[str], told: dict[str, Any], folder: Path) -> None:
        self.process = process
        self.told = told
        self.port = int(told["url"].rpartition(":")[2])
        self._folder = folder

    def get(self, path: str, key: str = KEY) -> tuple[int, bool]:
        """Return the status of an answer, and whether it ends its connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD)
        connection.request("GET", path, headers={"x-goog-api-key": key})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.getheader("connection") == "close"

    def stream(self, prompt: str, key: str = KEY) -> Streamed:
        """Ask for a stream."""
        return Streamed(self.port, prompt, key)

    def knows(self, key: str) -> bool:
        """Whether ``key`` gets as far as a path that there is not."""
        return self.get("/v1beta/nothing", key)[0] == 404

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def is_deaf(self) -> bool:
        """Whether nobody accepts connections any more."""
        try:
            self.get("/livez")
        except (ConnectionError, http.client.HTTPException):
            return True
        return False

    def ended(self) -> tuple[int, str]:
        """Wait for its end; returns exit code and what it said on stderr."""
        _out, err = self.process.communicate(timeout=GUARD)
        return self.process.returncode, err

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        found = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line.split(maxsplit=1) for line in found.stdout.splitlines()]
        return [int(pid) for pid, args in lines if "spawn_main" in args]

    def rows(self, query: str) -> list[Any]:
        """Ask its books."""
        with sqlite3.connect(self._folder / "books.db") as books:
            return books.execute(query).fetchall()


class Streamed:
    """An answer in motion."""

    def __init__(self, port: int, prompt: str, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD)
        self._connection.request(
            "POST",
            f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
            json.dumps({"contents": [{"role": "user", "parts": [{"text": prompt}]}]}),
            {"x-goog-api-key": key, "content-type": "application/json"},
        )
        self._answer = self._connection.getresponse()
        self.status = self._answer.status

    def event(self) -> Any:
        """Return the next chunk."""
        line = self._answer.readline()
        assert line.startswith(b"data: "), line
        assert self._answer.readline() == b"\r\n"
        return json.loads(line[6:])

    def text(self) -> str:
        """Return the next chunk's text."""
        return str(self.event()["candidates"][0]["content"]["parts"][0]["text"])

    def rest(self) -> bytes:
        """Return what still comes."""
        rest = self._answer.read()
        self._connection.close()
        return rest


@contextmanager
def relayed(file: Path, *arguments: str) -> Iterator[Relayed]:
    """Serve ``file`` until the end of the block."""
    command = [*GEMSTREAM, "relay", "serve", "--config", str(file), "--json", "--log", "off"]
    command += arguments
    env = environment(XDG_STATE_HOME=str(file.parent / "state"))
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield Relayed(process, json.loads(line), file.parent)
        finally:
            process.kill()


def eventually(holds: Callable[[], bool]) -> None:
    """Return once it holds; how long that takes is not measured."""
    end = time.monotonic() + GUARD
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
