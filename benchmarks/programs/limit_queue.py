"""How long queued calls take under a limit, in seconds of a clock that runs faster on both sides.

An emulator behind a socket enforces the same limit with a plain log of its own; one refusal and
the measurement has failed.

usage: python -m benchmarks.programs.limit_queue CALLS RPM CONCURRENCY SCALE
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvloop

from gemstream import AsyncClient, Limits, RetryPolicy
from gemstream.emulator import Clock as EmulatorClock
from gemstream.emulator import Emulator, Rule, Script, serving
from gemstream.emulator import Limits as EnforcedLimits
from gemstream.limits.clock import Clock
from gemstream.limits.memory_store import MemoryStore

__all__ = ("main",)


async def _measure(calls: int, rpm: int, concurrency: int, scale: float) -> float:
    enforced = EnforcedLimits(rpm=rpm, concurrency=concurrency)
    script = Script([Rule(steps=["one"])], limits=enforced)
    emulator = Emulator(script, clock=EmulatorClock(scale=scale))
    options: dict[str, Any] = {
        "limits": Limits(rpm=rpm, concurrency=concurrency),
        "limit_store": MemoryStore(Clock(scale)),
        "retry": RetryPolicy(attempts=1),
    }
    async with (
        serving(emulator) as url,
        AsyncClient("benchmark-key", base_url=url, **options) as client,
    ):
        # Imports and the first connection; each model has limits of its own.
        await client.generate("Count to ten", model="gemini-2.0-flash")
        began = emulator.clock.now()
        async with asyncio.TaskGroup() as group:
            for _ in range(calls):
                group.create_task(_call(client))
        taken = emulator.clock.now() - began
    refused = sum(entry.status == 429 for entry in emulator.journal)
    if refused:
        raise SystemExit(f"{refused} of {calls} calls were refused")
    return taken


async def _call(client: AsyncClient) -> None:
    async with client.generate_stream("Count to ten") as stream:
        await stream.finish()


def main() -> None:
    """Print the measurement as one JSON object."""
    calls, rpm, concurrency, scale = sys.argv[1:]
    value = uvloop.run(_measure(int(calls), int(rpm), int(concurrency), float(scale)))
    print(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
