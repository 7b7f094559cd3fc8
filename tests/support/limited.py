"""Limits on both sides of a client: an emulator that enforces them, and books that keep to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from gemstream import APIKey, AsyncClient, Limits
from gemstream.emulator import Clock as EmulatorClock
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator import Limits as EnforcedLimits
from gemstream.emulator.scripts.steps import Step
from gemstream.limits.clock import Clock
from gemstream.limits.lane import Lane
from gemstream.limits.lanes import lanes_in
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.limit.claim import Moment
from gemstream.policy.limit.quota import ScopeClaims, gate_of
from support.emulated import URL, async_client
from support.service import KEY

__all__ = (
    "MODEL",
    "SCALE",
    "Books",
    "LoopClock",
    "enforcing",
    "limited_client",
    "refusals",
    "scaled_books",
)

MODEL = "gemini-2.5-flash"
# Emulated seconds in a real one, where sockets and threads need real ones.
SCALE = 600.0
_ALL = Limits(rpm=1, tpm=1, rpd=1, concurrency=1)  # names the books of every limit there is
_MIDDAY = 1_795_292_400  # 2026-11-21, 12:20 US/Pacific


class LoopClock(Clock):
    """The time of the event loop, so that hours pass in no time; ``step`` is the wall's alone."""

    __slots__ = ("_loop", "step")

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self.step = 0.0

    def moment(self) -> Moment:
        """Return now."""
        now = self._loop.time()
        return Moment(int(now * 1e6), int((_MIDDAY + self.step + now) * 1e6))


class _LoopEmulatorClock(EmulatorClock):
    """The same for the emulator."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()

    def now_ns(self) -> int:
        return _MIDDAY * 1_000_000_000 + int(self._loop.time() * 1e9)


class Books(MemoryStore):
    """Books that a test can read, of an account that asks one address."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = LoopClock() if clock is None else clock
        super().__init__(self.clock)

    @staticmethod
    def scope(model: str = MODEL, url: str = URL) -> str:
        """Return the scope of the tests' account at ``url`` on ``model``."""
        return f"{url}|{APIKey(KEY).account}|{model}"

    def lane(self, model: str = MODEL, url: str = URL) -> Lane:
        """Return the lane of that scope."""
        return lanes_in(self).of(self.scope(model, url))

    async def used(self, model: str = MODEL, url: str = URL) -> dict[str, int]:
        """Return what is used of each limit there; those of which nothing is are left out."""
        _, *levels = await self.levels(ScopeClaims(self.scope(model, url), _ALL).of(1))
        return {level.claim.quota: level.used for level in levels if level.used}

    async def held(self, model: str = MODEL, url: str = URL) -> bool:
        """Return whether the service's word to hold back stands."""
        (gate,) = await self.levels([gate_of(self.scope(model, url))])
        return bool(gate.used)


def scaled_books(scale: float = SCALE) -> Books:
    """Return books in which time runs as in ``enforcing(scale=…)``."""
    return Books(Clock(scale))


def enforcing(
    *answers: Sequence[Step], scale: float | None = None, steps: Sequence[Step] = (), **limits: Any
) -> Emulator:
    """Return an emulator that answers 429 over ``limits``, by its own plain log.

    ``answers`` in turn, then ``steps``, else built in. Its time is the loop's without ``scale``.
    """
    rules = [Rule(request=number, steps=one) for number, one in enumerate(answers, start=1)]
    if steps:
        rules.append(Rule(steps=steps))
    clock = _LoopEmulatorClock() if scale is None else EmulatorClock(scale=scale)
    enforced = EnforcedLimits(**limits) if limits else None
    return Emulator(Script(rules, limits=enforced), clock=clock)


def limited_client(emulator: Emulator, books: Books | None = None, **options: Any) -> AsyncClient:
    """Return a client of ``emulator`` that counts in ``books``, in the loop's own time."""
    return async_client(emulator, limit_store=Books() if books is None else books, **options)


def refusals(emulator: Emulator) -> int:
    """Return how many requests the emulator's own log refused."""
    return sum(entry.status == 429 for entry in emulator.journal)
