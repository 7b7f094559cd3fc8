"""The tests of limits that the design documents name, under their names.

They are written against the public API over a real socket, as a user would write them; time runs
six hundred times as fast on both sides.
"""

from __future__ import annotations

import asyncio

from gemstream import AsyncClient, RetryPolicy
from gemstream.emulator import Clock as EmulatorClock
from gemstream.emulator import Emulator, JournalEnd, Limits, Script, serving
from gemstream.limits.clock import Clock
from gemstream.limits.memory_store import MemoryStore

_SCALE = 600.0
_CALLS = 25


async def test_streaming_rate_limiting() -> None:
    """More streams than the free tier allows at once: each is one request, and none is refused."""
    free = Limits(rpm=10, tpm=250_000, rpd=250, concurrency=2)
    emulator = Emulator(Script(limits=free), clock=EmulatorClock(scale=_SCALE))
    began = emulator.clock.now()
    async with (
        serving(emulator) as url,
        AsyncClient(
            "any",
            base_url=url,
            tier="free",
            limit_store=MemoryStore(Clock(_SCALE)),
            retry=RetryPolicy(attempts=1),
        ) as client,
    ):

        async def stream(number: int) -> str:
            async with client.generate_stream(f"Say: {number}.") as stream:
                return "".join([text async for text in stream.text_stream])

        answers = await asyncio.gather(*map(stream, range(_CALLS)))
    assert all(f"{number}." in answer for number, answer in enumerate(answers))
    assert [entry.status for entry in emulator.journal] == [200] * _CALLS
    assert {entry.end for entry in emulator.journal} == {JournalEnd.FINISHED}
    # Ten of them fit into a minute, so the last ones had to wait for the third.
    assert emulator.clock.now() - began >= 120
