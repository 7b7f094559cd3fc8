"""Callers' keys at the door of a whole relay: who gets in, how often, and for how much."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.options import BudgetOptions, KeyOptions
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.steps import WaitForAck
from gemstream.relay.keys.watch import KeyWatch
from support.relayed import MODEL, RELAY_KEY, Watched, prompt, relayed

STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
OTHER = "another-key-of-nobody-here-at-all"


def a_caller(name: str, **options: Any) -> tuple[KeyOptions, ...]:
    return (KeyOptions(name=name, key=RELAY_KEY, **options),)


@pytest.mark.parametrize(
    ("options", "presented", "status"),
    [
        ({}, {"x-goog-api-key": RELAY_KEY}, 200),
        ({}, {"x-api-key": RELAY_KEY}, 200),
        ({}, {"authorization": f"Bearer {RELAY_KEY}"}, 200),
        ({"models": ("gemini-2.5-*",)}, {"x-api-key": RELAY_KEY}, 200),
        ({}, {}, 401),
        ({}, {"x-api-key": OTHER}, 401),
        ({}, {"x-api-key": RELAY_KEY[:-1]}, 401),
        ({}, {"x-api-key": RELAY_KEY + "x"}, 401),
        ({}, {"x-api-key": "' OR 1=1 --"}, 401),
        ({}, {"x-api-key": "x" * 9_000}, 401),
        ({}, {"authorization": RELAY_KEY}, 401),
        ({}, {"authorization": "Basic dGVhbS1hOng=", "x-api-key": RELAY_KEY}, 401),
        ({}, {"x-api-key": RELAY_KEY, "x-goog-api-key": OTHER}, 400),
        ({"is_enabled": False}, {"x-api-key": RELAY_KEY}, 401),
        ({"expires": 1.0}, {"x-api-key": RELAY_KEY}, 401),
        ({"surfaces": ("openai",)}, {"x-api-key": RELAY_KEY}, 403),
        ({"models": ("gemini-3-*",)}, {"x-api-key": RELAY_KEY}, 403),
        ({"cidrs": ("192.0.2.0/24",)}, {"x-api-key": RELAY_KEY}, 403),
    ],
)
async def test_who_may_not_come_in_reaches_nothing_and_hears_no_key(
    tmp_path: Path, options: dict[str, Any], presented: dict[str, str], status: int
) -> None:
    upstream = Watched(Emulator())
    async with relayed(tmp_path, upstream, keys=a_caller("door", **options)) as house:
        answer = await house.ask(WHOLE, prompt(), key=None, headers=presented)
        rows = await house.rows()
    assert answer.status == status
    assert len(upstream.heads) == len(rows) == (status == 200)
    for text in (RELAY_KEY, OTHER, "OR 1=1", "dGVhbS1h"):
        assert text not in answer.body.decode()
        assert text not in repr(upstream.heads)


async def test_a_minted_key_opens_until_it_is_revoked(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house:
        store = house.relay.parts.key_store
        watch = KeyWatch(house.relay.parts.book, store)
        minted = await store.mint(KeyOptions(name="minted", rpm=100), actor="ops")
        assert (await house.ask(WHOLE, prompt(), key=minted.text)).status == 401
        await watch.read()
        assert (await house.ask(WHOLE, prompt(), key=minted.text)).status == 200
        assert (await house.rows())[0]["key_id"] == minted.id
        await store.revoke(minted.id, actor="ops")
        await watch.read()
        assert (await house.ask(WHOLE, prompt(), key=minted.text)).status == 401


async def test_of_fifty_callers_at_once_five_are_served(tmp_path: Path) -> None:
    emulator = Emulator(Script([Rule(steps=["one ", WaitForAck(), "two"])]))
    async with relayed(tmp_path, emulator, keys=a_caller("fifty", concurrency=5)) as house:
        asking = [asyncio.create_task(house.open(STREAM, prompt())) for _ in range(50)]
        heads = await asyncio.gather(*asking)
        statuses = sorted(exchange.status for exchange in heads)
        assert statuses == [200] * 5 + [429] * 45
        for exchange in heads:
            await exchange.aclose()


async def test_a_rate_that_is_used_up_is_told_with_its_time(tmp_path: Path) -> None:
    async with relayed(tmp_path, keys=a_caller("rated", rpm=2)) as house:
        answers = [await house.ask(WHOLE, prompt()) for _ in range(3)]
        rows = await house.rows()
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert len(rows) == 2
    error = answers[2].json()["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert "the limit of 2 requests a minute is used up; try again in" in error["message"]
    assert 0 < float(answers[2].headers["retry-after"]) <= 30


async def test_a_budget_that_ends_in_the_midst_cuts_the_answer(tmp_path: Path) -> None:
    words = [f"word number {number} of many " * 8 for number in range(200)]
    emulator = Emulator(Script([Rule(steps=words)]))
    keys = a_caller("poor", budget=BudgetOptions(day=2_000))
    async with relayed(tmp_path, emulator, keys=keys) as house:
        cut = await house.ask(STREAM, prompt())
        refused = await house.ask(STREAM, prompt())
        (row,) = await house.rows()
    assert cut.status == 200
    said = cut.body.rpartition(b"\n\r\n")[2] or cut.body
    error = msgspec.json.decode(said.strip().removeprefix(b"data: "))["error"]
    assert "the answer was cut: the budget of $0.002000 a day of key 'poor'" in error["message"]
    assert row["status"] == "limited"
    assert 2_000 <= row["cost"] < 4_000
    assert refused.status == 429
    assert "is used up; nothing was sent" in refused.json()["error"]["message"]
