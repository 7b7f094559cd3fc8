"""The day of US/Pacific: its ends, its short and long days, and a wall's clock that steps."""

from __future__ import annotations

import datetime
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.limit.claim import MICROSECONDS, Claim, Kind, Limit, Moment, Spent, Wait
from gemstream.policy.limit.log import LimitLog

SECOND = MICROSECONDS
HOUR = 3600 * SECOND
DAY = 24 * HOUR
PACIFIC = zoneinfo.ZoneInfo("America/Los_Angeles")
CLAIMS = (Claim("k", "rpd", Limit(Kind.DAILY, 3)),)
NOW = 5_000 * SECOND


def wall(*parts: int) -> int:
    return int(datetime.datetime(*parts, tzinfo=PACIFIC).timestamp()) * SECOND  # type: ignore[misc, arg-type]


def full(at: int) -> LimitLog:
    """Return books whose day, that of ``at``, is used up and answered."""
    log = LimitLog()
    for name in "abc":
        assert log.reserve(name, CLAIMS, Moment(NOW, at)) is None
        log.stamp(name, CLAIMS, Moment(NOW, at))
        log.settle(name, CLAIMS, Spent(1), Moment(NOW, at))
    return log


def used(log: LimitLog, at: int) -> int:
    return log.levels(CLAIMS, Moment(NOW, at))[0].used


@pytest.mark.parametrize(
    ("day", "hours"),
    [((2026, 6, 15), 24), ((2026, 3, 8), 23), ((2026, 11, 1), 25), ((2024, 2, 29), 24)],
)
def test_a_day_is_as_long_as_it_is(day: tuple[int, int, int], hours: int) -> None:
    midnight = wall(*day)
    verdict = full(midnight).reserve("d", CLAIMS, Moment(NOW, midnight))
    assert isinstance(verdict, Wait)
    assert verdict.until == NOW + hours * HOUR
    assert isinstance(full(midnight).reserve("d", CLAIMS, Moment(NOW, midnight)), Wait)
    ended = Moment(verdict.until, midnight + hours * HOUR)
    assert full(midnight).reserve("d", CLAIMS, ended) is None


def test_a_minute_does_not_refill_a_day() -> None:
    noon = wall(2026, 6, 15, 12)
    assert isinstance(full(noon).reserve("d", CLAIMS, Moment(NOW, noon + 60 * SECOND)), Wait)


def test_an_answer_whose_head_came_after_midnight_counts_for_both_days() -> None:
    evening, morning = wall(2026, 6, 15, 23, 59), wall(2026, 6, 16, 0, 1)
    log = LimitLog()
    log.reserve("a", CLAIMS, Moment(NOW, evening))
    assert used(log, evening) == 1
    log.stamp("a", CLAIMS, Moment(NOW, morning))
    log.settle("a", CLAIMS, Spent(1), Moment(NOW, morning))
    assert used(log, morning) == 1


@pytest.mark.parametrize(
    ("is_stamped", "spent", "left"),
    [(False, Spent(), 0), (False, Spent(1), 1), (True, Spent(), 1), (True, Spent(1), 1)],
)
def test_only_what_the_service_did_not_count_is_given_back(
    is_stamped: bool, spent: Spent, left: int
) -> None:
    log, noon = LimitLog(), wall(2026, 6, 15, 12)
    log.reserve("a", CLAIMS, Moment(NOW, noon))
    if is_stamped:
        log.stamp("a", CLAIMS, Moment(NOW, noon))
    for _ in range(2):
        log.settle("a", CLAIMS, spent, Moment(NOW, noon))
    assert used(log, noon) == left


def test_what_is_given_back_after_midnight_is_not_taken_from_the_new_day() -> None:
    evening, morning = wall(2026, 6, 15, 23, 59), wall(2026, 6, 16, 0, 1)
    log = LimitLog()
    log.reserve("a", CLAIMS, Moment(NOW, evening))
    log.reserve("b", CLAIMS, Moment(NOW, morning))
    log.settle("a", CLAIMS, Spent(), Moment(NOW, morning))
    assert used(log, morning) == 1


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_step_of_an_hour_at_noon_changes_nothing(step: int) -> None:
    noon = wall(2026, 6, 15, 12)
    assert used(full(noon), noon + step) == 3


def test_a_step_back_over_midnight_gives_no_allowance_twice() -> None:
    log = full(wall(2026, 6, 15, 23, 30))
    morning = Moment(NOW, wall(2026, 6, 16, 0, 5))
    assert used(log, morning.wall) == 0
    assert not log.sweep(CLAIMS, morning), "the day before was forgotten too soon"
    for name in "def":
        assert log.reserve(name, CLAIMS, morning) is None
    assert isinstance(log.reserve("g", CLAIMS, Moment(NOW, wall(2026, 6, 15, 23, 5))), Wait)
    assert isinstance(log.reserve("g", CLAIMS, Moment(NOW, wall(2026, 6, 16, 0, 6))), Wait)


def test_the_day_before_is_forgotten_once_no_clock_leads_back_to_it() -> None:
    log = full(wall(2026, 6, 15, 12))
    assert log.sweep(CLAIMS, Moment(NOW, wall(2026, 6, 16, 2)))


@pytest.mark.parametrize("yesterday", [False, True])
def test_a_day_without_use_is_forgotten_at_any_hour(*, yesterday: bool) -> None:
    """What was given back left no use, of this day or of the one before."""
    log, midnight = LimitLog(), wall(2026, 6, 16)
    at = midnight - 60 * SECOND if yesterday else midnight
    log.reserve("a", CLAIMS, Moment(NOW, at))
    log.settle("a", CLAIMS, Spent(), Moment(NOW, at))
    assert log.sweep(CLAIMS, Moment(NOW, midnight + SECOND))


def test_a_clock_that_was_days_ahead_is_believed_once_it_is_right() -> None:
    log = full(wall(2026, 6, 20, 12))
    noon = wall(2026, 6, 15, 12)
    verdict = log.reserve("d", CLAIMS, Moment(NOW, noon))
    assert isinstance(verdict, Wait), "what was sent is not given again"
    assert verdict.until == NOW + 12 * HOUR
    assert log.reserve("d", CLAIMS, Moment(NOW, noon + 12 * HOUR)) is None


@given(st.lists(st.integers(0, 20 * 3600), max_size=30))
def test_no_date_in_california_ever_has_more(pauses: list[int]) -> None:
    log, at, dates = LimitLog(), wall(2026, 3, 5), dict[datetime.date, int]()
    for name, pause in enumerate(pauses):
        at += pause * SECOND
        date = datetime.datetime.fromtimestamp(at / SECOND, PACIFIC).date()
        if log.reserve(str(name), CLAIMS, Moment(at, at)) is None:
            dates[date] = dates.get(date, 0) + 1
        else:
            assert dates[date] == 3
        log.stamp(str(name), CLAIMS, Moment(at, at))
    assert all(count <= 3 for count in dates.values())
