"""Sliding windows: what the service may have counted, changed amounts, a machine started anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.limit.claim import (
    MICROSECONDS,
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

SECOND = MICROSECONDS
LIMIT = Limit(Kind.WINDOW, 5)


def requests(limit: Limit = LIMIT) -> tuple[Claim, ...]:
    return (Claim("k", "rpm", limit),)


def tokens(cost: int, amount: int = 100) -> tuple[Claim, ...]:
    return (Claim("k", "tpm", Limit(Kind.WINDOW, amount), Unit.TOKENS, cost),)


def at(seconds: float) -> Moment:
    now = int(seconds * SECOND)
    return Moment(now, now)


# Each request: a pause before it, how long until the head, and when in between the service counts.
_REQUESTS = st.tuples(st.integers(0, 30), st.integers(0, 90), st.floats(0, 1))


@given(st.lists(_REQUESTS, max_size=60))
def test_no_window_of_the_service_ever_holds_more(asked: list[tuple[int, int, float]]) -> None:
    log, counted, heads, now = LimitLog(), list[float](), list[tuple[int, str]](), 0
    for name, (pause, head, part) in enumerate(asked):
        now += pause
        for due, flying in sorted(heads):
            if due <= now:
                heads.remove((due, flying))
                log.stamp(flying, requests(), at(due))
        if log.reserve(str(name), requests(), at(now)) is None:
            counted.append(now + head * part)
            heads.append((now + head, str(name)))
    for start in counted:
        assert sum(start <= moment < start + 60 for moment in counted) <= LIMIT.amount


def test_a_request_counts_from_its_head_on_not_from_when_it_was_sent() -> None:
    log = LimitLog()
    for name in "abcde":
        log.reserve(name, requests(), at(0))
    log.stamp("a", requests(), at(50))
    wait = log.reserve("f", requests(), at(61))
    assert isinstance(wait, Wait)
    assert wait.until == 110 * SECOND


def test_what_is_in_flight_is_waited_for_without_a_moment() -> None:
    log = LimitLog()
    for name in "abcde":
        log.reserve(name, requests(), at(0))
    wait = log.reserve("f", requests(), at(600))
    assert isinstance(wait, Wait)
    assert wait.until is None


def test_an_amount_that_falls_and_rises_again_stalls_nobody_for_longer_than_a_window() -> None:
    log = LimitLog()
    high, low = requests(Limit(Kind.WINDOW, 100)), requests(Limit(Kind.WINDOW, 10))
    for name in range(100):
        assert log.reserve(str(name), high, at(name / 100)) is None
        log.stamp(str(name), high, at(name / 100))
    wait = log.reserve("low", low, at(1))
    assert isinstance(wait, Wait)
    # The hundred leave one by one: ten are left when the ninetieth has.
    assert wait.until == at(60.9).now
    assert log.reserve("low", low, at(60.9)) is None
    assert log.reserve("high", high, at(60.9)) is None


def test_more_than_the_whole_limit_is_refused_at_once_however_empty_it_is() -> None:
    assert isinstance(LimitLog().reserve("a", tokens(101), at(0)), Refused)


def test_a_debt_makes_the_next_wait_and_is_over_with_its_window() -> None:
    log = LimitLog()
    log.reserve("a", tokens(10), at(0))
    log.stamp("a", tokens(10), at(1))
    log.settle("a", tokens(10), Spent(1, 5000), at(2))
    assert log.levels(tokens(1), at(2))[0].used == 5000
    wait = log.reserve("b", tokens(1), at(2))
    assert isinstance(wait, Wait)
    assert wait.until == 61 * SECOND
    assert log.reserve("b", tokens(1), at(61)) is None


def test_what_costs_nothing_yet_may_cost_something_in_the_end() -> None:
    log = LimitLog()
    assert log.reserve("a", tokens(0), at(0)) is None
    log.settle("a", tokens(0), Spent(1, 100), at(1))
    assert isinstance(log.reserve("b", tokens(1), at(1)), Wait)


def test_stamps_of_before_the_machine_started_anew_are_dropped() -> None:
    log = LimitLog()
    for name in "abcde":
        log.reserve(name, requests(), at(9000))
        log.stamp(name, requests(), at(9000))
    assert log.reserve("f", requests(), at(10)) is None
    assert log.levels(requests(), at(10))[0].used == 1


def test_the_window_is_open_where_it_begins_and_closed_where_it_ends() -> None:
    log = LimitLog()
    one = requests(Limit(Kind.WINDOW, 1))
    log.reserve("a", one, Moment(0, 0))
    log.stamp("a", one, Moment(0, 0))
    assert isinstance(log.reserve("b", one, Moment(MINUTE - 1, 0)), Wait)
    assert log.reserve("b", one, Moment(MINUTE, 0)) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40))
def test_what_was_reserved_less_what_was_given_back_is_what_was_used(
    costs: list[tuple[int, int]],
) -> None:
    log, amount = LimitLog(), 10_000
    for name, (estimate, _real) in enumerate(costs):
        claims = tokens(estimate, amount)
        assert log.reserve(str(name), claims, at(0)) is None
    for name, (estimate, real) in enumerate(costs):
        log.settle(str(name), tokens(estimate, amount), Spent(1, real), at(1))
    assert log.levels(tokens(1, amount), at(1))[0].used == sum(real for _, real in costs)
    assert log.sweep(tokens(1, amount), at(61))
