"""A call over a Live session keeps the timeouts, the limits and the budget of every call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conformance.transport import MOMENT
from gemstream import Limits, Timeouts
from gemstream.emulator import Emulator, Pause, Rule, Script
from gemstream.errors import (
    BudgetExceeded,
    FirstChunkTimeout,
    GemstreamError,
    IdleTimeout,
    RateLimited,
    TotalTimeout,
)
from support.clock import in_no_time
from support.emulated import async_client
from support.live import DONE, output
from support.live_service import MODEL, LiveService, client_of
from support.one_turn import (
    ONCE,
    WRITING,
    answers,
    says_then,
    silent,
    silent_in_the_answer,
)

# --- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "sets_up", "timeouts", "kind"),
    [
        (silent, False, Timeouts(first_chunk=MOMENT), FirstChunkTimeout),
        (silent, True, Timeouts(first_chunk=MOMENT), FirstChunkTimeout),
        (silent_in_the_answer, True, Timeouts(idle=MOMENT), IdleTimeout),
        (silent, True, Timeouts(total=MOMENT), TotalTimeout),
        (silent_in_the_answer, True, Timeouts(total=MOMENT), TotalTimeout),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_the_timeouts_are_those_of_every_stream(
    part: Any, sets_up: bool, timeouts: Timeouts, kind: type[GemstreamError], streams: bool
) -> None:
    service = LiveService(part, sets_up=sets_up)
    client = client_of(service, model=MODEL, timeouts=timeouts, retry=ONCE)
    with pytest.raises(kind):
        if streams:
            await client.generate_stream("Hi").finish()
        else:
            await client.generate("Hi")
    assert not {task for task in asyncio.all_tasks() if "gemstream" in task.get_name()}


def test_a_slow_model_is_waited_for_as_the_timeouts_say() -> None:
    steps = [Pause(100), "One ", Pause(50), "two"]

    async def ask() -> str:
        emulator = Emulator(Script([Rule(steps=steps)]))
        async with async_client(emulator, timeouts=Timeouts(first_chunk=101, idle=51)) as client:
            return (await client.generate("Hi", model=WRITING)).text

    assert in_no_time(ask()) == "One two"


# --- limits, cost, listeners -----------------------------------------------------------------


async def test_the_limits_of_the_client_hold_for_live_models() -> None:
    service = LiveService(answers)
    client = client_of(service, model=MODEL, limits=Limits(rpm=1))
    await client.generate("Hi")
    with pytest.raises(RateLimited):
        await client.generate("Hi", limit_wait=0)
    assert len(service.scopes) == 1
    (use,) = [one for one in await client.limits(MODEL) if one.quota == "rpm"]
    assert use.used == 1


PRICES = {MODEL: {"input": 1.0, "output": 10.0, "audio_output": 20.0}}


async def test_the_budget_of_a_call_holds_and_caps_the_answer() -> None:
    service = LiveService(answers)
    client = client_of(service, model=MODEL, prices=PRICES)
    response = await client.generate("Hi", max_cost="0.01")
    assert response.text == "Hello"
    assert response.cost is not None
    config = service.heard[0].setup.generation_config  # type: ignore[union-attr]
    assert 0 < config.max_output_tokens < 1000
    with pytest.raises(BudgetExceeded):
        await client.generate("Hi", max_cost="0.000001")


async def test_an_answer_that_costs_more_is_broken_off() -> None:
    second = "AAAA" * (48_000 // 3)  # of speech: 25 tokens, 500 micro-dollars
    sound = output({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": second}})
    service = LiveService(says_then(*[sound] * 30, DONE))
    client = client_of(service, model=MODEL, prices=PRICES)
    chunks = []
    with pytest.raises(BudgetExceeded):
        async for chunk in client.generate_stream("Hi", max_cost="0.005"):
            chunks.append(chunk)
    assert 8 <= len(chunks) <= 10


async def test_whoever_listens_is_told_as_of_every_call() -> None:
    told: list[Any] = []
    client = client_of(LiveService(answers), model=MODEL, on_event=told.append)
    await client.generate("Hi")
    await client.generate_stream("Hi").finish()
    names = [type(event).__name__ for event in told]
    chunks = ["ChunkReceived"] * 3
    assert names == [
        *["CallStarted", "AttemptStarted", "CallEnded"],
        *["CallStarted", "AttemptStarted", *chunks, "CallEnded"],
    ]
    whole, streamed = (event for event in told if type(event).__name__ == "CallEnded")
    assert whole.usage == streamed.usage
    assert whole.finish_reasons == ("STOP",)
