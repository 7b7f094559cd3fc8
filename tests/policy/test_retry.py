"""Whether and when a failed attempt is tried again."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import (
    ConfigError,
    ConnectFailed,
    ConnectTimeout,
    FirstChunkTimeout,
    GemstreamError,
    IdleTimeout,
    InvalidRequest,
    InvalidState,
    ProtocolError,
    StreamInterrupted,
    StreamTruncated,
    TotalTimeout,
)
from gemstream.policy.retry import GiveUp, Retry, RetryBudget, RetryPolicy
from gemstream.wire.status import QuotaFailure, QuotaViolation, RetryInfo, api_error
from support.strategies import calm

NOW = 1000.0
PER_DAY = QuotaFailure(violations=[QuotaViolation(quota_id="RequestsPerDay")])
PER_MINUTE = QuotaFailure(violations=[QuotaViolation(quota_id="RequestsPerMinute")])


def verdict(
    error: GemstreamError, policy: RetryPolicy | None = None, **facts: Any
) -> Retry | GiveUp:
    given_facts = {
        "attempt": 1,
        "now": NOW,
        "deadline": None,
        "jitter": 0.5,
        "budget": RetryBudget(),
        **facts,
    }
    return (policy or RetryPolicy()).verdict(error, **given_facts)


def throttled(*details: Any) -> GemstreamError:
    return api_error(429, "slow down", details=details)


def overloaded(*details: Any) -> GemstreamError:
    return api_error(503, "overloaded", details=details)


def delivered(error: GemstreamError, count: int) -> GemstreamError:
    error.delivered = count
    return error


# Error, attempt → seconds at a jitter of one half.
DELAYS = [
    (ConnectFailed("x"), 1, 0.25),
    (ConnectFailed("x"), 2, 0.5),
    (ConnectTimeout("x"), 1, 0.25),
    (FirstChunkTimeout("x"), 1, 0.25),
    (StreamInterrupted("x"), 1, 0.25),
    (StreamTruncated("x"), 1, 0.25),
    (overloaded(), 1, 0.25),
    (api_error(500, "x"), 2, 0.5),
    (api_error(502, "x"), 1, 0.25),
    (api_error(504, "x"), 1, 0.25),
    (api_error(408, "x"), 1, 0.25),
    (throttled(), 1, 1.0),
    (throttled(), 2, 2.0),
    (throttled(PER_MINUTE), 1, 1.0),
    (throttled(RetryInfo.of(47.174)), 1, 47.174),
    (throttled(RetryInfo.of(0)), 1, 1.0),
    (throttled(RetryInfo.of(0.2)), 2, 2.0),
    (throttled(RetryInfo.of(60)), 1, 60.0),
    (overloaded(RetryInfo.of(3)), 1, 3.0),
]


@pytest.mark.parametrize(("error", "attempt", "delay"), DELAYS)
def test_the_wait_is_the_service_s_own_or_a_doubling_base(
    error: GemstreamError, attempt: int, delay: float
) -> None:
    assert verdict(error, attempt=attempt) == Retry(at=NOW + delay, delay=delay)


# Error, facts → why there is no further attempt.
GIVEN_UP = [
    (delivered(StreamInterrupted("x"), 1), {}, "1 chunks were already delivered"),
    (delivered(overloaded(), 7), {}, "7 chunks were already delivered"),
    (api_error(400, "x"), {}, "not one that passes"),
    (api_error(401, "x"), {}, "not one that passes"),
    (api_error(403, "x"), {}, "not one that passes"),
    (api_error(404, "x"), {}, "not one that passes"),
    (api_error(499, "x"), {}, "not one that passes"),
    (throttled(PER_DAY, RetryInfo.of(2)), {}, "not one that passes"),
    (throttled(PER_MINUTE, PER_DAY), {}, "not one that passes"),
    (InvalidRequest("x"), {}, "not one that passes"),
    (InvalidState("x"), {}, "not one that passes"),
    (ProtocolError("x"), {}, "not one that passes"),
    (IdleTimeout("x"), {}, "not one that passes"),
    (TotalTimeout("x"), {}, "not one that passes"),
    (overloaded(), {"attempt": 3}, "all 3 attempts are used up"),
    (overloaded(), {"attempt": 4}, "all 3 attempts are used up"),
    (overloaded(), {"policy": RetryPolicy(attempts=1)}, "all 1 attempts are used up"),
    (throttled(RetryInfo.of(60.5)), {}, "the service asks for 60.5 s, more than 60 s"),
    (throttled(RetryInfo.of(3600)), {}, "the service asks for 3600 s, more than 60 s"),
    (overloaded(), {"deadline": NOW + 0.25}, "a wait of 0.2 s would pass the total timeout"),
    (throttled(RetryInfo.of(10)), {"deadline": NOW + 9}, "a wait of 10.0 s would pass the total"),
    (overloaded(), {"deadline": NOW - 1}, "would pass the total timeout"),
    (overloaded(), {"budget": RetryBudget(13)}, "the retry budget of this account is used up"),
    (throttled(), {"budget": RetryBudget(4)}, "the retry budget of this account is used up"),
]


@pytest.mark.parametrize(("error", "facts", "reason"), GIVEN_UP)
def test_what_does_not_pass_in_time_reaches_the_caller(
    error: GemstreamError, facts: dict[str, Any], reason: str
) -> None:
    answer = verdict(error, **facts)
    assert isinstance(answer, GiveUp)
    assert reason in answer.reason


def test_a_wait_that_ends_before_the_deadline_is_waited() -> None:
    assert isinstance(verdict(overloaded(), deadline=NOW + 0.26), Retry)


@pytest.mark.parametrize(("error", "cost"), [(overloaded(), 14), (throttled(), 5)])
def test_a_retry_is_paid_for_and_a_refusal_is_not(error: GemstreamError, cost: int) -> None:
    budget = RetryBudget()
    verdict(error, budget=budget)
    assert budget.tokens == 500 - cost
    verdict(error, budget=budget, attempt=3)
    verdict(error, budget=budget, deadline=NOW)
    assert budget.tokens == 500 - cost


def test_a_bucket_allows_thirty_five_transient_retries_and_then_earns_the_next() -> None:
    budget = RetryBudget()
    granted = [budget.withdraw(14) for _ in range(36)]
    assert granted == [True] * 35 + [False]
    assert budget.tokens == 500 - 35 * 14
    for _ in range(4):
        budget.deposit()
    assert budget.withdraw(14) is True


def test_a_bucket_is_never_fuller_than_full() -> None:
    budget = RetryBudget(10)
    budget.deposit(5)
    assert budget.tokens == 10
    budget.withdraw(3)
    budget.deposit(100)
    assert budget.tokens == 10


@calm
@given(
    attempt=st.integers(1, 100_000),
    jitter=st.floats(0, 1, exclude_max=True),
    asked=st.one_of(st.none(), st.integers(0, 60)),
)
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_the_longest(
    attempt: int, jitter: float, asked: int | None
) -> None:
    error = throttled(*([] if asked is None else [RetryInfo.of(asked)]))
    answer = verdict(error, RetryPolicy(attempts=10**6), attempt=attempt, jitter=jitter)
    assert isinstance(answer, Retry)
    assert (asked or 0) <= answer.delay <= max(20.0, asked or 0)
    assert answer.at == NOW + answer.delay


BAD_NUMBERS: list[tuple[str, Any]] = [
    *(
        (name, value)
        for name in ("attempts", "cost", "throttled_cost")
        for value in (-1, 1.0, True)
    ),
    ("attempts", 0),
    *(
        (name, value)
        for name in ("base", "throttled_base", "cap", "longest_delay")
        for value in (-1, -0.1, math.nan, math.inf, "1", None, True)
    ),
]


@pytest.mark.parametrize(("name", "value"), BAD_NUMBERS)
def test_a_number_that_cannot_be_meant_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"retry {name} is "):
        RetryPolicy(**{name: value})


def test_a_policy_may_wait_for_nothing_and_cost_nothing() -> None:
    policy = RetryPolicy(base=0, throttled_base=0.0, cap=0, longest_delay=0, cost=0)
    assert verdict(overloaded(), policy) == Retry(at=NOW, delay=0)
