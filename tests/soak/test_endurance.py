"""What only shows after a long while: memory that creeps, tasks and sockets that stay."""

from __future__ import annotations

import asyncio
import gc
import resource

import pytest

from gemstream import AsyncClient
from gemstream.emulator import Cut, Emulator, Rule, Script, serving
from gemstream.errors import StreamInterrupted

pytestmark = pytest.mark.soak

ROUNDS = 200
AT_ONCE = 50
# What a process may grow by after its first tenth; a leak of one stream in ten shows as 20 MiB.
GROWTH = 8 * 1024


async def _one(client: AsyncClient, number: int) -> None:
    """One stream, and every way to leave it in turn."""
    stream = client.generate_stream("cut" if number % 5 == 4 else "Count to 40")
    match number % 5:
        case 0:
            await stream.finish()
        case 1:
            async for _ in stream:
                break
        case 2:
            async with stream:
                await anext(stream)
        case 3:
            await anext(stream)
            stream.cancel()
        case _:
            with pytest.raises(StreamInterrupted):
                await stream.finish()


async def test_ten_thousand_streams_leave_nothing() -> None:
    emulator = Emulator(Script([Rule(prompt="cut", steps=["half", Cut()])]))
    early = 0
    async with serving(emulator) as url, AsyncClient("key", base_url=url) as client:
        for round_number in range(ROUNDS):
            await asyncio.gather(*(_one(client, number) for number in range(AT_ONCE)))
            if round_number == ROUNDS // 10:
                gc.collect()
                early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        gc.collect()
        late = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert late - early < GROWTH
    assert asyncio.all_tasks() == {asyncio.current_task()}
