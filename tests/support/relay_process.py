"""A relay as a process of its own, killed at will, and callers who read and leave at any byte."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.relay_callers import CALLERS
from support.relayed import RELAY_KEY

__all__ = ("RelayProcess", "Rowdies", "relay_file", "relay_process")

_SECRET = "relay-tests-only-0123456789abcdef0123456789abcdef"
_GUARD = 30.0
_TOTAL = re.compile(rb'"totalTokenCount":(\d+)')
_ID = re.compile(rb"\r\nx-request-id: (\S+)\r\n")


def relay_file(folder: Path, upstreams: Sequence[str]) -> Path:
    """Write a configuration whose accounts tell the upstream which attempt it serves."""
    accounts = "".join(
        f'[[accounts]]\nname = "{number}"\nkind = "gemini"\napi_key = "upstream-{number}"\n'
        f'base_url = "{url}"\nattempt_header = true\n'
        for number, url in enumerate(upstreams)
    )
    path = folder / "relay.toml"
    path.write_text(
        "[server]\nport = 0\ndrain_delay = 0\n"
        f'[ledger]\nurl = "sqlite:///{folder}/books.sqlite3"\n'
        f'{accounts}[[keys]]\nname = "team-a"\nkey = "{RELAY_KEY}"\nconcurrency = 100\n'
        "budget_total = 1000\n"
    )
    return path


class RelayProcess:
    """A running ``gemstream relay serve``."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self.address = (parts.hostname, parts.port)

    async def kill(self) -> None:
        """End it as a crash does."""
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def leave(self) -> int:
        """Ask it to end, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_GUARD):
            return await self._process.wait()


@asynccontextmanager
async def relay_process(config: Path) -> AsyncIterator[RelayProcess]:
    """Run a relay by the file ``config``; it is killed at the end of the block at the latest."""
    log = (config.parent / "stderr.txt").open("ab")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gemstream", "relay", "serve", "--config", str(config), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "HOME": str(config.parent),
            "XDG_STATE_HOME": str(config.parent),
            "GEMSTREAM_RELAY_SECRET": _SECRET,
        },
    )
    log.close()
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_GUARD):
            told = await process.stdout.readline()
        assert told, (config.parent / "stderr.txt").read_text()
        yield RelayProcess(process, json.loads(told)["url"])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Rowdies:
    """Callers of all dialects: most read to the end, some leave at a byte of theirs or the relay's.

    ``seen``: the tokens that a caller of Gemini's dialect has read of, by request id. ``whole``:
    how many answers were read to their end. ``prompts``: what is asked.
    """

    def __init__(self, chance: random.Random, prompts: Sequence[str]) -> None:
        self._chance = chance
        self._prompts = prompts
        self.seen: dict[str, int] = {}
        self.whole = 0
        self.left = 0

    @asynccontextmanager
    async def at(self, relay: RelayProcess, number: int = 8) -> AsyncIterator[None]:
        """Have so many call again and again during the block."""
        tasks = [asyncio.create_task(self._call_again(relay)) for _ in range(number)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _call_again(self, relay: RelayProcess) -> None:
        with suppress(OSError):  # the relay is dead
            while True:
                await self.call(relay)

    async def call(self, relay: RelayProcess) -> bytes:
        """Call once; return what was read of the answer."""
        chance = self._chance
        request = _request(chance.choice(tuple(CALLERS.values())), chance.choice(self._prompts))
        cut_up = chance.randrange(len(request)) if chance.random() < 0.1 else None
        cut_down = chance.randrange(4000) if chance.random() < 0.3 else None
        reader, writer = await asyncio.open_connection(*relay.address)
        answer = b""
        try:
            writer.write(request[:cut_up])
            await writer.drain()
            if cut_up is None:
                answer = await _read(reader, cut_down)
        finally:
            self._note(answer)
            writer.transport.abort()
        return answer

    def _note(self, answer: bytes) -> None:
        found, totals = _ID.search(answer), _TOTAL.findall(answer)
        if found is not None and totals:
            self.seen[found[1].decode()] = int(totals[-1])
        self.whole += answer.endswith((b"0\r\n\r\n", b"}", b"}\n"))
        self.left += not answer


async def _read(reader: asyncio.StreamReader, most: int | None) -> bytes:
    answer = b""
    while (most is None or len(answer) < most) and (data := await reader.read(65536)):
        answer += data
    return answer[:most]


def _request(caller: Any, prompt: str) -> bytes:
    body = json.dumps(caller.body).replace("Count to five", prompt).encode()
    head: Mapping[str, str] = {
        "host": "relay",
        "x-goog-api-key": RELAY_KEY,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST {caller.path} HTTP/1.1\r\n{lines}\r\n".encode() + body
