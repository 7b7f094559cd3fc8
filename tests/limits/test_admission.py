"""How a request that was let through ends: what is learned from it, and when others may go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gemstream import Limits
from gemstream.errors import MissingCredentials, RateLimited, ResourceExhausted
from gemstream.limits.admission import Admission
from gemstream.limits.clock import Clock
from gemstream.limits.lanes import Lanes
from gemstream.limits.limiter import Limiter, Limiters, LimitRules
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.limit.claim import Claim, Moment, Spent
from gemstream.policy.limit.tokens import Tokens

WORDS = Tokens(10, 20)


def _limiters(store: MemoryStore, **limits: int) -> Limiters:
    return Limiters(Lanes(store), "scope", LimitRules(limits_of=lambda model: Limits(**limits)))


class SetClock(Clock):
    """A clock that stands where it was set."""

    now = 0

    def moment(self) -> Moment:
        return Moment(self.now, self.now)


class ToldInOrder(MemoryStore):
    """Books that note in which order they were told of a hold and of a settlement."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def hold(self, gate: Claim, delay: int) -> None:
        self.told.append("hold")
        super().hold(gate, delay)

    def settle(self, name: str, claims: Sequence[Claim], spent: Spent) -> None:
        self.told.append("settle")
        super().settle(name, claims, spent)


async def test_a_429_holds_before_its_slot_is_free() -> None:
    """Else who is woken by the slot in another thread is sent before it hears of the hold."""
    store = ToldInOrder()
    admission = await _limiters(store, concurrency=1).of("m").admit(WORDS)
    admission.failed(ResourceExhausted("slow down", code=429, status="RESOURCE_EXHAUSTED"))
    assert store.told == ["hold", "settle"]


async def test_what_could_not_be_authorised_was_not_sent() -> None:
    limiter = _limiters(MemoryStore(), rpm=1).of("m")
    (await limiter.admit(WORDS)).failed(MissingCredentials("the function failed"))
    await limiter.admit(WORDS, patience=0)


async def test_what_never_fits_is_refused_though_others_wait() -> None:
    limiter = _limiters(MemoryStore(), concurrency=1, tpm=100).of("m")
    running = await limiter.admit(WORDS)
    waiting = asyncio.ensure_future(limiter.admit(WORDS))
    await asyncio.sleep(0)
    with pytest.raises(RateLimited, match="needs 101 of 100 tokens a minute") as caught:
        await limiter.admit(Tokens(101))
    assert not caught.value.retryable
    running.ended(WORDS)
    (await waiting).ended(WORDS)


async def test_own_limits_hold_though_others_learned_more() -> None:
    """Two clients of one account: the one adapts up to 4 answers, the other wants only 1."""
    lanes = Lanes(MemoryStore())
    usual = Limits(concurrency=2)
    adaptive = Limiters(lanes, "s", LimitRules(limits_of=lambda model: usual, ceiling=4)).of("m")
    modest = Limits(concurrency=1)
    own = Limiters(lanes, "s", LimitRules(limits_of=lambda model: modest, is_own=True)).of("m")
    for _ in range(10):
        admission = await adaptive.admit(WORDS)
        admission.began()
        admission.ended(WORDS)
    assert len(await _all_that_fit(adaptive)) > 2
    await own.admit(WORDS, patience=0)
    with pytest.raises(RateLimited):
        await own.admit(WORDS, patience=0)


async def _all_that_fit(limiter: Limiter) -> list[Admission]:
    admissions: list[Admission] = []
    while True:
        try:
            admissions.append(await limiter.admit(WORDS, patience=0))
        except RateLimited:
            for admission in admissions:
                admission.ended(WORDS)
            return admissions


async def test_what_one_client_learned_of_its_answers_is_not_another_s_limit() -> None:
    clock = SetClock()
    lanes = Lanes(MemoryStore(clock))
    few, many = Limits(concurrency=2), Limits(concurrency=9)
    adaptive = Limiters(lanes, "s", LimitRules(limits_of=lambda model: few, ceiling=4)).of("m")
    wide = Limiters(lanes, "s", LimitRules(limits_of=lambda model: many, is_own=True)).of("m")
    for limiter in (adaptive, wide) * 3:
        admission = await limiter.admit(WORDS)
        admission.began()
        admission.ended(WORDS)
    assert len(await _all_that_fit(wide)) == 9
    throttled = await wide.admit(WORDS)
    throttled.failed(ResourceExhausted("", code=429, status="", retry_delay=1e-6))
    clock.now += 2_000_000  # the hold is over
    for limiter in (adaptive, wide):  # its own answers do not wipe out what the other learned
        admission = await limiter.admit(WORDS)
        admission.began()
        admission.ended(WORDS)
    assert len(await _all_that_fit(wide)) == 7
