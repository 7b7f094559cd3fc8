"""The script in Redis decides as ``policy.limit`` does, operation by operation.

Strategy. Hypothesis makes histories; both sides play them at the same moments, and after every step
the verdict and what is used of each limit are compared. Time is a key of the test's instead of the
server's clock. The script lets no clock go back; ``_Time`` says by what rule.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemstream.limits.midnights import Midnights
from gemstream.limits.redis_batch import Batch, Operation, script_text
from gemstream.policy.limit.claim import (
    DAY,
    MINUTE,
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
from gemstream.stores.redis import RedisServer, Script, ScriptCall
from support.limit_clock import NOON, TIME_FROM_A_KEY, TIME_KEY
from support.redis_server import RedisAt

SECOND = 1_000_000
SCOPE = "account|model"
FOR_EVER = 400 * 86400.0  # in memory no lease ends; they have tests of their own


def _claim(quota: str, unit: Unit, limit: Limit, cost: int = 1) -> Claim:
    return Claim(f"{SCOPE}|{quota}", quota, limit, unit, cost)


GATE = _claim("hold", Unit.REQUESTS, Limit(Kind.GATE))
CLAIMS = {
    "rpm": _claim("rpm", Unit.REQUESTS, Limit(Kind.WINDOW, 3)),
    "rph": _claim("rph", Unit.REQUESTS, Limit(Kind.WINDOW, 7, period=60 * MINUTE)),
    "tpm": _claim("tpm", Unit.TOKENS, Limit(Kind.WINDOW, 100)),
    "rpd": _claim("rpd", Unit.REQUESTS, Limit(Kind.DAILY, 6)),
    "concurrency": _claim("concurrency", Unit.RUNNING, Limit(Kind.SLOTS, 2)),
    "rate": _claim("rate", Unit.REQUESTS, Limit(Kind.RATE, 7, burst=3)),
    "tokens": _claim("tokens", Unit.TOKENS, Limit(Kind.RATE, 1000, burst=150)),
}
EVERYTHING = (GATE, *CLAIMS.values())


def _wanted(quotas: frozenset[str], tokens: int) -> tuple[Claim, ...]:
    chosen = [claim for quota, claim in CLAIMS.items() if quota in quotas]
    return (
        GATE,
        *(
            msgspec.structs.replace(claim, cost=tokens) if claim.unit is Unit.TOKENS else claim
            for claim in chosen
        ),
    )


class _Time:
    """The server's clock, which may be set back, and time that never is: the script's own rule."""

    def __init__(self, wall: int) -> None:
        self.wall, self.shift, self.last = wall, 0, 0

    def moment(self) -> Moment:
        now = self.wall + self.shift
        if now < self.last:
            self.shift += self.last - now
            now = self.last
        self.last = now
        return Moment(now, self.wall)


class _Two:
    """Both sides of the comparison."""

    def __init__(self, process: RedisAt, wall: int) -> None:
        self.process = process
        self.server = RedisServer(process.url, timeout=20)
        self.script = Script(script_text(TIME_FROM_A_KEY))
        self.server.connect()
        self.time = _Time(wall)
        self.log = LimitLog()
        self.midnights = Midnights()
        self.running: list[tuple[str, tuple[Claim, ...]]] = []
        self.names = 0
        self.left = 0  # of the last wait that somebody knew the end of

    def ask(self, *operations: Operation) -> list[int]:
        self.process.command("SET", TIME_KEY, self.time.wall)
        numbers: list[int] = []

        def answered(answer: list[int] | Exception) -> None:
            assert isinstance(answer, list)
            numbers.extend(answer)

        for _ in range(2):
            batch = Batch(SCOPE)
            for operation in operations:
                operation.answered = answered
                batch.operations.append(operation)
            argument = batch.argument(FOR_EVER, "test", self.midnights)
            wall = batch.receive(
                self.server.run(self.script, [ScriptCall(batch.keys, argument)])[0]
            )
            if wall is None:
                break
            self.midnights.correct(wall)
        return numbers

    def reserve(self, quotas: frozenset[str], tokens: int) -> None:
        name, claims = f"n:{self.names}", _wanted(quotas, tokens)
        self.names += 1
        moment = self.time.moment()
        verdict = self.log.reserve(name, claims, moment)
        status, index, left = self.ask(Operation("reserve", name, claims))
        match verdict:
            case None:
                assert status == 0
                self.running.append((name, claims))
            case Refused(claim):
                assert (status, claims[index]) == (2, claim)
            case Wait(claim, until):
                expected = -1 if until is None else until - moment.now
                assert (status, claims[index], left) == (1, claim, expected)
                self.left = max(0, expected)

    def stamp(self, which: int) -> None:
        name, claims = self.running[which % len(self.running)]
        self.log.stamp(name, claims, self.time.moment())
        self.ask(Operation("stamp", name, claims))

    def adjust(self, which: int, tokens: int) -> None:
        name, claims = self.running[which % len(self.running)]
        counted = [claim for claim in claims if claim.unit is Unit.TOKENS]
        self.log.adjust(name, claims, tokens, self.time.moment())
        self.ask(Operation("adjust", name, counted, [tokens] * len(counted)))

    def settle(self, which: int, spent: Spent) -> None:
        name, claims = self.running.pop(which % len(self.running))
        self.log.settle(name, claims, spent, self.time.moment())
        costs = [spent.in_unit(claim.unit) for claim in claims]
        self.ask(Operation("settle", name, claims, costs))

    def hold(self, delay: int) -> None:
        self.log.hold(GATE, delay, self.time.moment())
        self.ask(Operation("hold", "", [GATE], [delay]))

    def compare(self) -> None:
        levels = self.log.levels(EVERYTHING, self.time.moment())
        numbers = self.ask(Operation("levels", "", EVERYTHING))
        for level, used in zip(levels, numbers[::2], strict=True):
            assert used == level.used, level.claim.quota


_quotas = st.frozensets(st.sampled_from(sorted(CLAIMS)), min_size=1)
_tokens = st.integers(1, 170)
_spent = st.one_of(
    st.just(Spent()),
    st.builds(Spent, requests=st.just(1), tokens=st.integers(0, 200)),
)
_passed = st.sampled_from(
    [0, 1, 999, SECOND, 20 * SECOND, MINUTE - 1, MINUTE, MINUTE + 1, 60 * MINUTE, 6 * 60 * MINUTE]
)
_step = st.one_of(
    st.tuples(st.just("reserve"), _quotas, _tokens),
    st.tuples(st.just("reserve"), st.just(frozenset(CLAIMS)), st.integers(1, 30)),
    st.tuples(st.just("stamp"), st.integers(0, 9)),
    st.tuples(st.just("adjust"), st.integers(0, 9), st.integers(0, 170)),
    st.tuples(st.just("settle"), st.integers(0, 9), _spent),
    st.tuples(st.just("hold"), st.integers(0, 90 * SECOND)),
    st.tuples(st.just("pass"), _passed),
    st.tuples(st.just("until it fits"), st.sampled_from([0, 1])),
    st.tuples(st.just("set back"), st.sampled_from([1, SECOND, 60 * MINUTE, DAY, 3 * DAY])),
)


@pytest.fixture
def server(redis_server: RedisAt) -> Iterator[RedisAt]:
    with redis_server.connected():
        yield redis_server


def _play(process: RedisAt, wall: int, steps: list[tuple[object, ...]]) -> None:
    process.command("FLUSHALL")
    two = _Two(process, wall)
    for what, *facts in steps:
        if what == "pass":
            two.time.wall += facts[0]  # type: ignore[operator]
        elif what == "until it fits":
            two.time.wall += max(0, two.left - facts[0])  # type: ignore[operator]
        elif what == "set back":
            two.time.wall -= facts[0]  # type: ignore[operator]
        elif two.running or what in ("reserve", "hold"):
            getattr(two, str(what))(*facts)
        two.compare()
    two.server.close()


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each history empties the server
)
@given(st.integers(0, DAY), st.lists(_step, max_size=60))
def test_every_decision_is_the_one_of_the_arithmetic(
    server: RedisAt, later: int, steps: list[tuple[object, ...]]
) -> None:
    _play(server, NOON + later, steps)
