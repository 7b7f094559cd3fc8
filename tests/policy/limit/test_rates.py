"""An even rate with a burst: the burst fits at once, and never more than rate and burst allow."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.limit.claim import MINUTE, Claim, Kind, Limit, Moment, Refused, Spent, Wait
from gemstream.policy.limit.log import LimitLog

LIMITS = st.builds(
    Limit,
    kind=st.just(Kind.RATE),
    amount=st.integers(1, 5_000_000),
    period=st.integers(1, 2 * MINUTE),
    burst=st.integers(1, 500),
)


def claims(limit: Limit, cost: int = 1) -> tuple[Claim, ...]:
    return (Claim("k", "rate", limit, cost=cost),)


@given(LIMITS)
def test_the_whole_burst_fits_in_one_moment_and_no_more(limit: Limit) -> None:
    log, now = LimitLog(), Moment(12_345, 0)
    for name in range(limit.burst):
        assert log.reserve(str(name), claims(limit), now) is None
    assert isinstance(log.reserve("more", claims(limit), now), Wait)
    assert log.levels(claims(limit), now)[0].used == limit.burst


@given(LIMITS, st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 3)), max_size=60))
def test_any_stretch_of_time_lets_in_at_most_its_rate_and_one_burst(
    limit: Limit, asked: list[tuple[int, int]]
) -> None:
    log, taken, now = LimitLog(), list[tuple[int, int]](), 0
    for name, (pause, cost) in enumerate(asked):
        now += pause
        if log.reserve(str(name), claims(limit, cost), Moment(now, 0)) is None:
            taken.append((now, cost))
    for first, (start, _) in enumerate(taken):
        total = 0
        for end, cost in taken[first:]:
            total += cost
            assert total <= Fraction((end - start) * limit.amount, limit.period) + limit.burst


@given(LIMITS, st.integers(0, 10**6))
def test_asking_whenever_it_says_wastes_less_than_a_microsecond_each(
    limit: Limit, idle: int
) -> None:
    log, now, asked = LimitLog(), idle, 3 * limit.burst
    for name in range(asked):
        verdict = log.reserve(str(name), claims(limit), Moment(now, 0))
        if isinstance(verdict, Wait):
            assert verdict.until is not None
            now = verdict.until
            assert log.reserve(str(name), claims(limit), Moment(now, 0)) is None
    ideal = Fraction((asked - limit.burst) * limit.period, limit.amount)
    assert ideal <= now - idle < ideal + asked


def test_more_than_the_burst_never_fits() -> None:
    limit = Limit(Kind.RATE, 60, burst=5)
    assert log_verdict(limit, 5) is None
    assert isinstance(log_verdict(limit, 6), Refused)


def log_verdict(limit: Limit, cost: int) -> Wait | Refused | None:
    return LimitLog().reserve("a", claims(limit, cost), Moment(0, 0))


@pytest.mark.parametrize(
    ("spent", "used"), [(Spent(0), 0), (Spent(1), 1), (Spent(3), 3), (Spent(500), 500)]
)
def test_a_settlement_gives_time_back_or_makes_a_debt(spent: Spent, used: int) -> None:
    limit, log, now = Limit(Kind.RATE, 60, burst=5), LimitLog(), Moment(0, 0)
    log.reserve("a", claims(limit, 3), now)
    log.settle("a", claims(limit, 3), spent, now)
    log.settle("a", claims(limit, 3), spent, now)
    assert log.levels(claims(limit), now)[0].used == used


def test_another_amount_goes_on_from_where_the_old_one_stood() -> None:
    log, fast, slow = LimitLog(), Limit(Kind.RATE, 7, burst=7), Limit(Kind.RATE, 3, burst=7)
    for name in "abc":
        log.reserve(name, claims(fast), Moment(0, 0))
    frees_at = log.levels(claims(fast), Moment(0, 0))[0].frees_at
    assert frees_at is not None
    after = log.levels(claims(slow), Moment(0, 0))[0].frees_at
    assert after is not None
    assert abs(after - frees_at) <= 1
