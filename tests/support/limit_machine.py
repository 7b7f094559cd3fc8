"""The books of limits against a plain list, step by step, on a clock that the steps move."""

from __future__ import annotations

import copy

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gemstream.policy.limit.claim import (
    MICROSECONDS,
    Claim,
    Kind,
    Limit,
    Moment,
    Refused,
    Spent,
    Unit,
    Wait,
)
from gemstream.policy.limit.log import LimitLog

from .plain_log import PlainLog

__all__ = ("LimitMachine",)

_SECOND = MICROSECONDS
_HOUR = 3600 * _SECOND
_GATE = Claim("gate", "hold", Limit(Kind.GATE))
_CLAIMS = (
    Claim("requests", "rpm", Limit(Kind.WINDOW, 3)),
    Claim("tokens", "tpm", Limit(Kind.WINDOW, 50), Unit.TOKENS),
    Claim("short", "rps", Limit(Kind.WINDOW, 2, period=10 * _SECOND)),
    Claim("day", "rpd", Limit(Kind.DAILY, 4)),
    Claim("slots", "concurrency", Limit(Kind.SLOTS, 2), Unit.RUNNING),
    # Seven a minute: no whole number of microseconds apart.
    Claim("rate", "rate", Limit(Kind.RATE, 7, burst=3)),
    Claim("spread tokens", "rate", Limit(Kind.RATE, 50, burst=40), Unit.TOKENS),
    _GATE,
)
# A little before midnight in US/Pacific: of the shortest day of 2026, the longest, and one between.
_EVENINGS = (
    1_772_956_790 * _SECOND,
    1_793_516_390 * _SECOND,
    1_781_506_790 * _SECOND,
)
_PAUSES = (
    0,
    1,
    1000,
    _SECOND,
    5 * _SECOND,
    10 * _SECOND - 1,
    10 * _SECOND,
    20 * _SECOND,
    60 * _SECOND - 1,
    60 * _SECOND,
    _HOUR,
    11 * _HOUR,
    24 * _HOUR,
)
_TOKENS = st.sampled_from((0, 1, 1, 7, 7, 25, 40, 51))
_INDEX = st.integers(0, 99)


class LimitMachine(RuleBasedStateMachine):
    """Whatever happens, ``LimitLog`` answers as the list does, and waits end when they say."""

    steps = 0  # of all machines

    def __init__(self) -> None:
        super().__init__()
        self.log = LimitLog()
        self.plain = PlainLog()
        self.claims = {claim.key: claim for claim in _CLAIMS}
        self.running: dict[str, list[Claim]] = {}
        self.settled: list[tuple[str, list[Claim], Spent]] = []
        self.now = 1_000 * _SECOND
        self.wall = 0
        self.stepped = 0
        self.made = 0

    @property
    def moment(self) -> Moment:
        return Moment(self.now, self.wall)

    @initialize(evening=st.sampled_from(_EVENINGS))
    def begin(self, evening: int) -> None:
        self.wall = evening

    @rule(pause=st.sampled_from(_PAUSES))
    def pass_time(self, pause: int) -> None:
        self.now += pause
        self.wall += pause

    @rule(direction=st.sampled_from((-1, 1)))
    def step_wall(self, direction: int) -> None:
        if abs(self.stepped + direction) <= 1:
            self.stepped += direction
            self.wall += direction * _HOUR

    @rule(chosen=st.integers(1, 2 ** len(_CLAIMS) - 1), tokens=_TOKENS)
    def reserve(self, chosen: int, tokens: int) -> None:
        """Ask for the limits whose bits are set."""
        claims = [
            _costing(claim, tokens)
            for index, claim in enumerate(self.claims.values())
            if chosen >> index & 1
        ]
        name, before = str(self.made), self._used()
        self.made += 1
        expected = [claim for claim in claims if not self.plain.fits(claim, self.moment)]
        verdict = self.log.reserve(name, claims, self.moment)
        if verdict is None:
            assert not expected
            self.plain.take(name, claims, self.moment)
            self.running[name] = claims
            return
        assert verdict.claim in expected
        assert self._used() == before, "a reserve that failed changed something"
        never = any(claim.cost > claim.limit.most for claim in expected)
        assert isinstance(verdict, Refused) is never
        if isinstance(verdict, Wait):
            self._check_wait(verdict, claims, expected)

    @precondition(lambda self: self.running)
    @rule(index=_INDEX)
    def stamp(self, index: int) -> None:
        name, claims = self._pick(index)
        self.log.stamp(name, claims, self.moment)
        self.plain.stamp(name, self.moment)

    @precondition(lambda self: self.running)
    @rule(index=_INDEX, tokens=_TOKENS)
    def adjust(self, index: int, tokens: int) -> None:
        name, claims = self._pick(index)
        self.log.adjust(name, claims, tokens, self.moment)
        self.plain.adjust(name, tokens, self.moment)

    @precondition(lambda self: self.running)
    @rule(index=_INDEX, requests=st.sampled_from((0, 1, 1)), tokens=_TOKENS)
    def settle(self, index: int, requests: int, tokens: int) -> None:
        name, claims = self._pick(index)
        del self.running[name]
        spent = Spent(requests, tokens if requests else 0)
        self.log.settle(name, claims, spent, self.moment)
        self.plain.settle(name, spent.requests, spent.tokens, self.moment)
        self.settled.append((name, claims, spent))

    @precondition(lambda self: self.settled)
    @rule(index=_INDEX)
    def settle_again(self, index: int) -> None:
        name, claims, spent = self.settled[index % len(self.settled)]
        self.log.settle(name, claims, spent, self.moment)
        self.log.stamp(name, claims, self.moment)

    @rule(seconds=st.sampled_from((1, 10, 10, 7200)))
    def hold(self, seconds: int) -> None:
        self.log.hold(_GATE, seconds * _SECOND, self.moment)
        self.plain.hold(_GATE.key, seconds * _SECOND, self.moment)

    @rule(
        key=st.sampled_from(("requests", "tokens", "day", "slots")),
        amount=st.sampled_from((1, 3, 10, 100)),
    )
    def change_amount(self, key: str, amount: int) -> None:
        claim = self.claims[key]
        limit = msgspec.structs.replace(claim.limit, amount=amount)
        self.claims[key] = msgspec.structs.replace(claim, limit=limit)

    @rule()
    def sweep(self) -> None:
        is_empty = self.log.sweep(tuple(self.claims.values()), self.moment)
        assert is_empty is (not self.log.states)

    @invariant()
    def counts_as_the_list_does(self) -> None:
        for claim in self.claims.values():
            if claim.key not in self.log.states:
                self.plain.forget(claim.key)
        used = {claim.key: self.plain.used(claim, self.moment) for claim in self.claims.values()}
        assert self._used() == used
        LimitMachine.steps += 1

    def _used(self) -> dict[str, int]:
        levels = self.log.levels(tuple(self.claims.values()), self.moment)
        return {level.claim.key: level.used for level in levels}

    def _pick(self, index: int) -> tuple[str, list[Claim]]:
        name = list(self.running)[index % len(self.running)]
        return name, self.running[name]

    def _check_wait(self, wait: Wait, claims: list[Claim], full: list[Claim]) -> None:
        """Until its moment the wait is right, and from then on it is over."""
        if wait.until is None:
            # Only what ends when somebody else ends it is waited for without a moment.
            assert all(claim.limit.kind in (Kind.WINDOW, Kind.SLOTS) for claim in full)
            return
        assert wait.until > self.now
        before, then = self._at(wait.until - 1), self._at(wait.until)
        assert not copy.deepcopy(self.plain).fits(wait.claim, before)
        assert copy.deepcopy(self.plain).fits(wait.claim, then)
        assert isinstance(copy.deepcopy(self.log).reserve("early", claims, before), Wait)
        verdict = copy.deepcopy(self.log).reserve("in time", claims, then)
        assert verdict is None or (isinstance(verdict, Wait) and verdict.until is None)

    def _at(self, now: int) -> Moment:
        return Moment(now, self.wall + now - self.now)


def _costing(claim: Claim, tokens: int) -> Claim:
    return msgspec.structs.replace(claim, cost=tokens) if claim.unit is Unit.TOKENS else claim
