"""Every kind of books answers as the one in memory does, whatever is asked of it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.limits.memory_store import MemoryStore
from gemstream.limits.sqlite_store import SQLiteStore
from gemstream.limits.store import LimitStore
from gemstream.policy.limit.claim import MICROSECONDS, Claim, Kind, Limit, Spent, Unit
from support.limit_clock import SetClock

CLAIMS = (
    Claim("rpm", "rpm", Limit(Kind.WINDOW, 3)),
    Claim("tpm", "tpm", Limit(Kind.WINDOW, 50), Unit.TOKENS, 20),
    Claim("rpd", "rpd", Limit(Kind.DAILY, 5)),
    Claim("slots", "concurrency", Limit(Kind.SLOTS, 2), Unit.RUNNING),
    Claim("rate", "rate", Limit(Kind.RATE, 7, burst=4)),
    Claim("gate", "hold", Limit(Kind.GATE)),
)
GATE = CLAIMS[-1]

_STEPS = st.one_of(
    st.tuples(st.just("reserve"), st.integers(1, 2 ** len(CLAIMS) - 1)),
    st.tuples(st.just("stamp"), st.integers(0, 9)),
    st.tuples(st.just("adjust"), st.integers(0, 9), st.integers(0, 60)),
    st.tuples(
        st.just("settle"),
        st.integers(0, 9),
        st.builds(Spent, st.integers(0, 1), st.integers(0, 60)),
    ),
    st.tuples(st.just("hold"), st.integers(1, 90 * MICROSECONDS)),
    st.tuples(st.just("pass"), st.sampled_from((0.5, 10, 59, 3600, 12 * 3600))),
    st.tuples(st.just("sweep")),
)


async def answers(store: LimitStore, clock: SetClock, steps: list[tuple[Any, ...]]) -> list[Any]:
    """Return all that ``store`` answers to ``steps``."""
    told, taken = list[Any](), list[tuple[str, tuple[Claim, ...]]]()
    for what, *facts in steps:
        if what == "reserve":
            claims = tuple(c for n, c in enumerate(CLAIMS) if facts[0] >> n & 1)
            name = store.new_name()
            told.append(await store.reserve(name, claims))
            if told[-1] is None:
                taken.append((name, claims))
        elif what == "pass":
            # Every correction before this is counted before it.
            await store.levels(CLAIMS)
            clock.go(facts[0])
        elif what == "hold":
            store.hold(GATE, facts[0])
        elif what == "sweep":
            store.sweep(CLAIMS)
        elif taken:
            name, claims = taken[facts[0] % len(taken)]
            getattr(store, what)(name, claims, *facts[1:])
        told.append(await store.levels(CLAIMS))
    return told


async def _both(steps: list[tuple[Any, ...]]) -> tuple[list[Any], list[Any]]:
    clock, file_clock = SetClock(), SetClock()
    in_memory = await answers(MemoryStore(clock), clock, steps)
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "limits.sqlite3", clock=file_clock)
        in_file = await answers(store, file_clock, steps)
        await store.aclose()
    return in_memory, in_file


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, max_size=30))
def test_the_file_answers_as_memory_does(steps: list[tuple[Any, ...]]) -> None:
    in_memory, in_file = asyncio.run(_both(steps))
    assert in_file == in_memory
