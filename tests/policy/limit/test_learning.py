"""What 429s and answers teach: the limits of the service, how long to hold back, how many run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.limits import Limits
from gemstream.errors import ConfigError, ResourceExhausted
from gemstream.policy.limit.adaptive import AdaptiveConcurrency
from gemstream.policy.limit.claim import MICROSECONDS, Claim, Kind, Limit, Unit
from gemstream.policy.limit.learned import LearnedLimits
from gemstream.policy.limit.quota import ScopeClaims, gate_of

SECOND = MICROSECONDS
NOON = 1_781_550_000 * SECOND  # 12:00 on 2026-06-15 in US/Pacific
FREE = Limits(rpm=10, tpm=250_000, rpd=250, concurrency=4)


def refused(
    *quotas: tuple[str, str], daily: bool = False, delay: float | None = None
) -> ResourceExhausted:
    error = ResourceExhausted("slow down", code=429, status="RESOURCE_EXHAUSTED", retry_delay=delay)
    error.quotas = [{"quotaId": name, "quotaValue": value} for name, value in quotas]
    error.daily = daily
    return error


@pytest.mark.parametrize(
    ("quota_id", "quota"),
    [
        ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "rpm"),
        ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "rpd"),
        ("GenerateContentInputTokensPerModelPerMinute-FreeTier", "tpm"),
        ("GenerateContentInputTokensPerMinutePerProjectPerModel", "tpm"),
        ("ConcurrentRequestsPerProject", "concurrency"),
        ("SomethingNew", None),
    ],
)
def test_a_limit_that_the_service_names_is_learned(quota_id: str, quota: str | None) -> None:
    learned = LearnedLimits()
    new = learned.receive_refusal(refused((quota_id, "3"), daily=True), FREE, None)
    assert new == ([] if quota is None else [(quota, 3)])
    if quota is not None:
        assert getattr(learned.within(FREE, is_own=False), quota) == 3


@pytest.mark.parametrize("value", ["0", "-3", "", "many", "3.5", "٣"])
def test_what_is_no_limit_is_not_learned(value: str) -> None:
    learned = LearnedLimits()
    quota = ("GenerateRequestsPerMinute", value)
    assert learned.receive_refusal(refused(quota, daily=True), FREE, None) == []
    assert learned.within(FREE, is_own=False) == FREE


@pytest.mark.parametrize(
    ("value", "is_own", "rpm"),
    [("3", True, 3), ("3", False, 3), ("60", True, 10), ("60", False, 60)],
)
def test_limits_of_the_callers_own_never_rise(value: str, is_own: bool, rpm: int) -> None:
    learned = LearnedLimits()
    learned.receive_refusal(refused(("RequestsPerMinute", value), daily=True), FREE, None)
    assert learned.within(FREE, is_own=is_own).rpm == rpm


@pytest.mark.parametrize(
    ("delay", "seconds"), [(0.2, 1.0), (1.0, 1.0), (37.5, 37.5), (3600.0, 3600.0)]
)
def test_the_service_says_how_long_to_hold_back(delay: float, seconds: float) -> None:
    assert LearnedLimits().delay(refused(delay=delay), NOON) == int(seconds * SECOND)


def test_without_a_delay_each_429_in_a_row_doubles_it_until_an_answer() -> None:
    learned = LearnedLimits()
    delays = [learned.delay(refused(), NOON) // SECOND for _ in range(8)]
    assert delays == [5, 10, 20, 40, 60, 60, 60, 60]
    learned.receive_success(Limits(), None)
    assert learned.delay(refused(), NOON) == 5 * SECOND


def test_of_a_volley_one_refusal_is_the_news() -> None:
    learned, twenty = LearnedLimits(), Limits(concurrency=20)
    assert learned.receive_refusal(refused(), twenty, None) == [("concurrency", 15)]
    assert learned.delay(refused(), NOON) == 5 * SECOND
    for _ in range(19):
        assert learned.receive_refusal(refused(), twenty, None, is_echo=True) == []
        assert learned.delay(refused(), NOON, is_echo=True) == 5 * SECOND
    assert learned.receive_refusal(refused(), twenty, None) == [("concurrency", 11)]
    assert learned.delay(refused(), NOON) == 10 * SECOND


def test_a_daily_quota_holds_until_midnight_in_the_pacific() -> None:
    assert LearnedLimits().delay(refused(daily=True, delay=3.0), NOON) == 12 * 3600 * SECOND


def test_a_daily_refusal_says_nothing_of_how_many_may_run() -> None:
    learned = LearnedLimits()
    learned.receive_refusal(refused(daily=True), FREE, None)
    assert learned.is_empty


def test_a_429_takes_a_quarter_and_answers_give_it_back() -> None:
    learned = LearnedLimits()
    assert learned.receive_refusal(refused(), FREE, None) == [("concurrency", 3)]
    assert not learned.is_empty
    assert [learned.receive_success(FREE, None) for _ in range(3)] == [4, None, None]
    assert learned.is_empty
    assert learned.within(FREE, is_own=False) == FREE


def test_without_a_limit_of_running_answers_none_is_learned() -> None:
    learned, unlimited = LearnedLimits(), Limits(rpm=10)
    assert learned.receive_refusal(refused(), unlimited, 8) == []
    assert learned.receive_success(unlimited, 8) is None


def test_answers_raise_it_to_the_ceiling() -> None:
    learned = LearnedLimits()
    new = [learned.receive_success(FREE, 6) for _ in range(40)]
    assert [amount for amount in new if amount is not None][-1] == 6
    assert learned.within(FREE, is_own=False).concurrency == 6


@given(st.integers(1, 50), st.integers(0, 50), st.lists(st.booleans(), max_size=200))
def test_it_stays_between_one_and_its_ceiling(usual: int, above: int, answers: list[bool]) -> None:
    adaptive = AdaptiveConcurrency(usual, usual + above)
    for is_success in answers:
        before = adaptive.amount
        if is_success:
            adaptive.receive_success()
            assert before <= adaptive.amount <= before + 1
        else:
            adaptive.receive_throttled()
            assert adaptive.amount == max(1, before * 3 // 4)
        assert 1 <= adaptive.amount <= usual + above
    assert adaptive.is_usual is (adaptive.amount == usual)


def test_each_answer_adds_one() -> None:
    adaptive = AdaptiveConcurrency(10, 40)
    for _ in range(21):
        adaptive.receive_success()
    assert adaptive.amount == 31


def test_each_limit_is_a_claim_behind_the_gate() -> None:
    assert ScopeClaims("s", FREE).of(700) == (
        gate_of("s"),
        Claim("s|rpm", "rpm", Limit(Kind.WINDOW, 10)),
        Claim("s|rpd", "rpd", Limit(Kind.DAILY, 250)),
        Claim("s|concurrency", "concurrency", Limit(Kind.SLOTS, 4), Unit.RUNNING),
        Claim("s|tpm", "tpm", Limit(Kind.WINDOW, 250_000), Unit.TOKENS, 700),
    )
    assert ScopeClaims("s", Limits()).of(700) == (gate_of("s"),)


@pytest.mark.parametrize("amount", [0, -1, 1.5, True, "10", None, float("nan")])
@pytest.mark.parametrize("name", ["amount", "period", "burst"])
def test_a_limit_that_lets_nothing_in_is_no_limit(name: str, amount: Any) -> None:
    with pytest.raises(ConfigError, match=f"has {name} .* whole number from 1 on"):
        Limit(Kind.RATE, **{name: amount})
