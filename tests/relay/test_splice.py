"""The short way between two sockets does what the long way does, in process, for every end."""

from __future__ import annotations

import asyncio
import gc
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gemstream.config.relay.options import BudgetOptions, DisconnectPolicy, KeyOptions
from gemstream.emulator import Rule, Script
from gemstream.emulator.scripts.faults import Cut, ErrorInStream, Html, NakedError, NoFinish
from gemstream.emulator.scripts.steps import WaitForAck
from gemstream.relay.splice import Splice
from support.relay_server import RelayServer, relay_server
from support.relayed import MODEL, RELAY_KEY, Emulator, prompt, relayed

GEMINI = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "gemini": (GEMINI, prompt("hi")),
    "array": (GEMINI.removesuffix("?alt=sse"), prompt("hi")),
    "openai": (
        "/v1/chat/completions",
        {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "hi"}]},
    ),
    "anthropic": (
        "/v1/messages",
        {
            "model": MODEL,
            "stream": True,
            "max_tokens": 99,
            "messages": [{"role": "user", "content": "hi"}],
        },
    ),
}
ENDS: dict[str, list[Any]] = {
    "whole": ["one ", "two ", "three"],
    "many": [f"{number} " for number in range(200)],
    "naked error": ["one ", "two ", NakedError()],
    "error in an event": ["one ", ErrorInStream()],
    "page": ["one ", Html()],
    "cut": ["one ", "two ", Cut()],
    "no finish": ["one ", "two ", NoFinish()],
}
# What is another in each answer: ids, and when it was made.
_OWN = re.compile(
    rb'(?:chatcmpl-|msg_|req_|toolu_|call_)[0-9a-f]+|"created":\d+|"responseId":"\w+"'
)


async def _read(house: RelayServer, path: str, body: Any) -> bytes:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{house.url}{path}", json=body, headers={"x-goog-api-key": RELAY_KEY}
        ) as answer,
    ):
        return await answer.read()


@pytest.mark.parametrize("steps", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_both_ways_say_the_same(tmp_path: Path, way: Any, steps: list[Any]) -> None:
    path, body = way
    script = Script([Rule(steps=steps)])
    async with relay_server(script) as house:
        short = await _read(house, path, body)
        (short_row,) = await house.rows()
    async with relayed(tmp_path, Emulator(script)) as office:
        long = (await office.ask(path, body)).body
        (long_row,) = await office.rows()
    assert _OWN.sub(b"", short) == _OWN.sub(b"", long)
    for column in ("status", "candidates_tokens", "prompt_tokens", "finish_reason", "is_estimated"):
        assert short_row[column] == long_row[column], column


async def test_it_is_the_way_that_sockets_go() -> None:
    """Else all of this would show nothing."""
    async with relay_server(Script([Rule(steps=["one ", "two "])])) as house:
        runs = await _counted(house)
    assert runs == 1


async def _counted(house: RelayServer) -> int:
    """Return how many answers went the short way: each leaves one splice to be collected."""
    before = {id(each) for each in gc.get_objects() if isinstance(each, Splice)}
    seen: set[int] = set()

    async def look() -> None:
        while not seen:
            found = {id(each) for each in gc.get_objects() if isinstance(each, Splice)}
            seen.update(found - before)
            await asyncio.sleep(0)

    house.emulator.script = Script([Rule(steps=["one ", WaitForAck(), "two"])])
    looking = asyncio.create_task(look())
    reading = asyncio.create_task(_read(house, GEMINI, prompt("hi")))
    await looking
    house.emulator.ack()
    assert b"two" in await reading
    return len(seen)


async def test_chunks_pass_as_they_come() -> None:
    """The next is released only after the last was seen."""
    ack = WaitForAck()
    script = Script([Rule(steps=["one ", ack, "two ", ack, "three"])])
    async with (
        relay_server(script) as house,
        aiohttp.ClientSession() as session,
        session.post(
            f"{house.url}{GEMINI}", json=prompt("hi"), headers={"x-goog-api-key": RELAY_KEY}
        ) as answer,
    ):
        seen = b""
        for word in (b"one ", b"two ", b"three"):
            while word not in seen:
                seen += await answer.content.readany()
            house.emulator.ack()
        seen += await answer.content.read()
    assert b'"finishReason":"STOP"' in seen


@pytest.mark.parametrize("policy", list(DisconnectPolicy))
async def test_who_leaves_in_the_midst(policy: DisconnectPolicy) -> None:
    key = KeyOptions(name="team-a", key=RELAY_KEY, on_disconnect=policy)
    script = Script([Rule(steps=["one ", WaitForAck(), "two ", "three"])])
    async with relay_server(script, keys=[key]) as house:
        async with aiohttp.ClientSession() as session:
            answer = await session.post(
                f"{house.url}{GEMINI}", json=prompt("hi"), headers={"x-goog-api-key": RELAY_KEY}
            )
            assert b"one " in await answer.content.readany()
            answer.close()
        if policy is DisconnectPolicy.DRAIN:
            while not any(job.exchange.is_gone for job in house.relay._jobs):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            house.emulator.ack()
        (row,) = await house.rows()
    is_drained = policy is DisconnectPolicy.DRAIN
    assert (row["finish_reason"] == "STOP") is is_drained
    assert bool(row["is_estimated"]) is not is_drained


async def test_a_budget_that_ends_in_the_midst_cuts_the_answer() -> None:
    key = KeyOptions(name="team-a", key=RELAY_KEY, budget=BudgetOptions(total=60))
    script = Script([Rule(steps=[f"{number} " * 20 for number in range(100)])])
    async with relay_server(script, keys=[key]) as house:
        body = await _read(house, GEMINI, prompt("hi"))
        (row,) = await house.rows()
    assert row["status"] == "limited"
    assert b'{"error":' in body.rsplit(b"\r\n\r\n", 1)[-1]
