"""Requests that come, wait, run, are cut and cancelled in any order, and leave nothing behind."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.relay.options import BudgetOptions
from gemstream.errors import BudgetExceeded, RateLimited
from gemstream.limits.memory_store import MemoryStore
from gemstream.relay.keys.budgets import Budgets
from gemstream.relay.keys.key import Key
from gemstream.relay.keys.limits import KeyLimits
from support.clock import in_no_time
from support.limit_clock import LoopClock
from support.relay_keys import a_key

BUDGET = 400
PLACES = 3
KEYS = [
    a_key(
        name,
        concurrency=PLACES,
        queue=4,
        queue_timeout=3.0,
        rpm=600,
        tpm=6_000,
        rpd=100_000,
        budget=BudgetOptions(total=BUDGET),
    )
    for name in ("team-a", "team-b")
]


class World:
    """Two keys under load; ``spent`` is what was settled of each, by a plain sum."""

    def __init__(self, seed: int) -> None:
        clock = LoopClock()
        self.random = random.Random(seed)
        self.limits = KeyLimits(MemoryStore(clock), Budgets(wall=lambda: clock.moment().wall))
        self.running = dict.fromkeys((key.id for key in KEYS), 0)
        self.spent = dict.fromkeys((key.id for key in KEYS), 0)

    async def request(self) -> None:
        """Be one request, from its coming to its end, whatever that is."""
        key = self.random.choice(KEYS)
        await asyncio.sleep(self.random.random() * 20)
        try:
            admission = await self.limits.admit(key, 50, self.random.randrange(20))
        except (RateLimited, BudgetExceeded):
            return
        self.running[key.id] += 1
        assert self.running[key.id] <= PLACES
        used = 0
        try:
            for _ in range(self.random.randrange(5)):
                await asyncio.sleep(self.random.random())
                used += self.random.randrange(10)
                admission.adjust(used, used)
        except BudgetExceeded:
            pass
        finally:
            self.running[key.id] -= 1
            if self.random.random() < 0.2:
                admission.cancel()
            else:
                admission.settle(used, used)
                self.spent[key.id] += used
            admission.settle(1_000, 1_000)  # again is nothing

    async def run(self) -> None:
        """Send many requests, and cancel some of them at any moment."""
        tasks = [asyncio.create_task(self.request()) for _ in range(60)]
        for _ in range(20):
            await asyncio.sleep(self.random.random())
            self.random.choice(tasks).cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert ended is None or isinstance(ended, asyncio.CancelledError), ended
        await asyncio.sleep(60)  # until every rate is whole again
        for key in KEYS:
            await self.check(key)

    async def check(self, key: Key) -> None:
        """Hold what is left of a key against what it used."""
        left = await self.limits.remaining(key)
        told: Any = {name: getattr(left, name) for name in ("requests", "tokens", "concurrency")}
        assert {name: one.remaining for name, one in told.items()} == {
            "requests": 600,
            "tokens": 6_000,
            "concurrency": PLACES,
        }
        assert self.limits.waiting(key.id) == 0
        spending = self.limits.budgets.spending(key.id)
        assert spending is None or spending.total == self.spent[key.id]
        if left_over := BUDGET - self.spent[key.id] if self.spent[key.id] < BUDGET else 0:
            (await self.limits.admit(key, 1, 0, least_micros=left_over)).cancel()
        # Beyond the budget by one report of each that ran at most.
        assert self.spent[key.id] <= BUDGET + PLACES * 9


@given(st.integers(0, 2**32))
def test_whatever_happens_nothing_is_left_behind(seed: int) -> None:
    in_no_time(World(seed).run())


async def test_what_is_let_in_while_a_budget_ends_is_cut_and_counted() -> None:
    limits = KeyLimits(MemoryStore())
    key = a_key(budget=BudgetOptions(total=100))
    streams = [await limits.admit(key, 1, 10) for _ in range(10)]
    cut = 0
    for used in range(1, 30):
        for stream in streams:
            if stream.is_open:
                try:
                    stream.adjust(used, used)
                except BudgetExceeded:
                    stream.settle(used, used)
                    cut += 1
    assert cut == 10
    spending = limits.budgets.spending("team-a")
    assert spending is not None and 100 <= spending.total <= 110
    with pytest.raises(BudgetExceeded):
        await limits.admit(key, 1, 0)
