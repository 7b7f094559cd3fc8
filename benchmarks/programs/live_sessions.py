"""Many Live sessions in one process that speak and listen: what each takes, and how late it hears.

Every session sends and is sent four messages a second of 640 bytes of PCM, 20 ms of speech. The
upstream begins each of its own with CLOCK_MONOTONIC, which all processes of a machine share.
``memory`` is resident KiB a session, read while all talk; ``delay`` the 99th percentile of the ms
from a message's send to its bytes in the caller's hands.

usage: python -m benchmarks.programs.live_sessions PORT CLIENT SESSIONS SECONDS memory|delay
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress

import uvloop

from .live_clients import LIVE_CLIENTS, LiveClient, Talker
from .live_upstream import STAMP
from .process import give_back, raise_file_limit, resident_size

__all__ = ("main",)

_EVERY = 0.25
_SPEECH = bytes(640)
_OPENED_AT_ONCE = 20
_SETTLING = 1.0


class _Crowd:
    """Sessions that talk until they are left."""

    def __init__(self, client: LiveClient, sessions: int) -> None:
        self._client = client
        self._sessions = sessions
        self._gate = asyncio.Semaphore(_OPENED_AT_ONCE)
        self._talking = 0
        self._all_talk = asyncio.Event()
        self._over = asyncio.Event()
        self._delays: list[float] = []

    async def talk(self, seconds: float) -> tuple[int, list[float]]:
        """Talk for so long, all at once; returns the bytes it took and the delays in ms."""
        give_back()
        before = resident_size()
        async with asyncio.TaskGroup() as group:
            for number in range(self._sessions):
                group.create_task(self._hold(number))
            await self._all_talk.wait()
            await asyncio.sleep(_SETTLING)  # opening them kept the loop busy
            self._delays.clear()
            await asyncio.sleep(seconds)
            heard, self._delays = self._delays, []  # what collecting and closing delays is ours
            give_back()
            taken = resident_size() - before
            self._over.set()
        expected = self._sessions * seconds / _EVERY
        if len(heard) < expected / 2:
            raise SystemExit(f"{len(heard)} messages came in {seconds:g} s of {expected:.0f}")
        return taken, heard

    async def _hold(self, number: int) -> None:
        await asyncio.sleep(number / self._sessions * _EVERY)  # not all in one beat
        async with self._gate:
            opening = self._client.session()
            talker = await opening.__aenter__()
        tasks = [asyncio.create_task(self._say(talker)), asyncio.create_task(self._hear(talker))]
        self._talking += 1
        if self._talking == self._sessions:
            self._all_talk.set()
        over = asyncio.create_task(self._over.wait())
        done, _ = await asyncio.wait([over, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if over not in done:
            raise SystemExit(f"session {number} ended")
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await opening.__aexit__(None, None, None)

    async def _say(self, talker: Talker) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await talker.say(_SPEECH)
            due += _EVERY
            await asyncio.sleep(due - loop.time())

    async def _hear(self, talker: Talker) -> None:
        async for speech in talker.speech():
            [sent] = STAMP.unpack_from(speech)
            self._delays.append((time.monotonic_ns() - sent) / 1e6)


async def _measure(port: int, name: str, sessions: int, seconds: float, what: str) -> float:
    client = LIVE_CLIENTS[name](f"http://127.0.0.1:{port}")
    await _Crowd(client, 1).talk(1.0)  # imports, caches
    taken, delays = await _Crowd(client, sessions).talk(seconds)
    await client.aclose()
    if what == "memory":
        return taken / sessions / 1024
    ordered = sorted(delays)
    return ordered[len(ordered) * 99 // 100]


def main() -> None:
    """Print the measurement as one JSON object."""
    port, name, sessions, seconds, what = sys.argv[1:]
    raise_file_limit()
    value = uvloop.run(_measure(int(port), name, int(sessions), float(seconds), what))
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
