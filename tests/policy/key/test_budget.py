from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.relay.options import BudgetOptions
from gemstream.policy.key.budget import BudgetLog, Overspent, Period, Spending

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
NOON = int(datetime.datetime(2026, 7, 30, 12, tzinfo=datetime.UTC).timestamp()) * 1_000_000
TEN = BudgetOptions(day=10)


def test_what_is_reserved_is_held_and_what_was_spent_is_counted() -> None:
    log = BudgetLog()
    assert log.reserve("a", 6, TEN, NOON) is None
    over = log.reserve("b", 9, TEN, NOON, least=5)
    assert over == Overspent(Period.DAY, 10, 0, 6, 12 * 3600.0)
    log.settle("a", 2, NOON)
    assert log.is_idle
    assert log.spending(NOON) == Spending(2, 2, 2)
    assert log.reserve("b", 8, TEN, NOON) is None
    log.settle("b", 8, NOON)
    assert log.reserve("c", 0, TEN, NOON) == Overspent(Period.DAY, 10, 10, 0, 12 * 3600.0)


def test_an_estimate_beyond_what_is_left_holds_what_is_left() -> None:
    log = BudgetLog()
    assert log.reserve("a", 4, TEN, NOON) is None
    assert log.reserve("b", 1_000, TEN, NOON, least=6) is None
    assert log.reserve("c", 1, TEN, NOON) == Overspent(Period.DAY, 10, 0, 10, 12 * 3600.0)
    assert log.reserve("free", 0, TEN, NOON) is None
    assert log.adjust("a", 4, TEN, NOON) is None
    assert log.adjust("b", 6, TEN, NOON) is None
    assert log.adjust("b", 7, TEN, NOON) is not None


@pytest.mark.parametrize(
    ("budget", "period", "after", "resets_in"),
    [
        (BudgetOptions(day=10), Period.DAY, 12 * HOUR, 12 * 3600.0),
        (BudgetOptions(month=10), Period.MONTH, 36 * HOUR, 36 * 3600.0),
        (BudgetOptions(total=10), Period.TOTAL, None, None),
        (BudgetOptions(day=20, total=10), Period.TOTAL, None, None),
    ],
)
def test_a_budget_is_for_its_period(
    budget: BudgetOptions, period: Period, after: int | None, resets_in: float | None
) -> None:
    log = BudgetLog()
    assert log.reserve("a", 10, budget, NOON) is None
    log.settle("a", 10, NOON)
    assert log.reserve("b", 1, budget, NOON) == Overspent(period, 10, 10, 0, resets_in)
    if after is None:
        assert log.reserve("b", 1, budget, NOON + 400 * DAY) is not None
    else:
        assert log.reserve("b", 1, budget, NOON + after - 1) is not None
        assert log.reserve("b", 1, budget, NOON + after) is None


def test_the_first_budget_of_several_is_not_the_only_one() -> None:
    log = BudgetLog()
    budget = BudgetOptions(day=10, month=15, total=100)
    for day in range(2):
        over = log.reserve("a", 10, budget, NOON + day * DAY, least=10)
        log.settle("a", 10, NOON + day * DAY)
    assert over == Overspent(Period.MONTH, 15, 10, 0, 12 * 3600.0)


@pytest.mark.parametrize("steps", [(-HOUR,), (-13 * HOUR,), (DAY, -DAY)])
def test_a_clock_that_is_set_back_gives_nothing_twice(steps: tuple[int, ...]) -> None:
    log = BudgetLog()
    wall = NOON
    for step in steps:
        log.reserve("a", 0, BudgetOptions(), wall)
        log.settle("a", 10, wall)
        wall += step
    assert log.reserve("a", 1, TEN, wall) is not None


def test_a_clock_that_was_far_ahead_is_believed_once_it_is_right() -> None:
    log = BudgetLog()
    log.reserve("a", 0, TEN, NOON + 400 * DAY)
    log.settle("a", 10, NOON + 400 * DAY)
    assert log.reserve("b", 1, TEN, NOON) is not None
    assert log.reserve("b", 1, TEN, NOON + DAY) is None


def test_a_stream_within_what_it_reserved_goes_on() -> None:
    log = BudgetLog()
    log.reserve("a", 5, TEN, NOON)
    log.reserve("b", 5, TEN, NOON)
    for used in range(6):
        assert log.adjust("a", used, TEN, NOON) is None
    assert log.adjust("a", 6, TEN, NOON) == Overspent(Period.DAY, 10, 0, 5, 12 * 3600.0)
    assert log.adjust("b", 5, TEN, NOON) is None


def test_a_stream_beyond_what_it_reserved_goes_on_while_nobody_else_holds_it() -> None:
    log = BudgetLog()
    log.reserve("a", 1, TEN, NOON)
    assert log.adjust("a", 10, TEN, NOON) is None
    assert log.reserve("b", 1, TEN, NOON) is not None
    assert log.adjust("a", 11, TEN, NOON) is not None


def test_a_stream_is_cut_once_others_have_spent_what_it_reserved() -> None:
    log = BudgetLog()
    log.reserve("a", 5, TEN, NOON)
    log.learn(Spending(day=8, month=8, total=8), NOON)
    assert log.adjust("a", 2, TEN, NOON) is None
    assert log.adjust("a", 3, TEN, NOON) == Overspent(Period.DAY, 10, 8, 0, 12 * 3600.0)


def test_a_budget_that_was_lowered_cuts_what_runs() -> None:
    log = BudgetLog()
    log.reserve("a", 5, TEN, NOON)
    assert log.adjust("a", 4, BudgetOptions(total=3), NOON) is not None


def test_of_what_does_not_run_nothing_is_noted() -> None:
    log = BudgetLog()
    assert log.adjust("a", 100, TEN, NOON) is None
    assert log.reserve("b", 10, TEN, NOON) is None


def test_the_books_are_believed_where_they_know_more() -> None:
    log = BudgetLog()
    log.reserve("a", 5, TEN, NOON)
    log.settle("a", 5, NOON)
    log.settle("a", 5, NOON)
    log.learn(Spending(day=3, month=7, total=20), NOON)
    assert log.spending(NOON) == Spending(5, 7, 20)


def test_what_runs_here_is_not_counted_twice_by_what_the_books_know_of_it() -> None:
    log, budget = BudgetLog(), BudgetOptions(day=100)
    log.reserve("a", 0, budget, NOON)
    log.adjust("a", 30, budget, NOON)
    log.learn(Spending(day=25 + 7, month=32, total=32), NOON)  # 25 noted of it, 7 of others
    log.settle("a", 40, NOON)
    assert log.spending(NOON).day <= 40 + 7
    log.learn(Spending(day=47, month=47, total=47), NOON)
    assert log.spending(NOON) == Spending(47, 47, 47)


@given(st.data())
def test_however_often_the_books_are_read_nothing_is_counted_twice(data: st.DataObject) -> None:
    log, budget = BudgetLog(), BudgetOptions()
    settled, noted, used = 0, dict[str, int](), dict[str, int]()
    for number in range(data.draw(st.integers(1, 25))):
        match data.draw(st.sampled_from(["begin", "use", "note", "elsewhere", "settle", "read"])):
            case "begin":
                log.reserve(str(number), data.draw(amounts), budget, NOON)
                used[str(number)] = 0
            case "use" if used:
                name = data.draw(st.sampled_from(sorted(used)))
                used[name] += data.draw(amounts)
                log.adjust(name, used[name], budget, NOON)
            case "note":
                noted = dict(used)
            case "elsewhere":
                settled += data.draw(amounts)
            case "settle" if used:
                name = data.draw(st.sampled_from(sorted(used)))
                log.settle(name, used[name], NOON)
                settled += used.pop(name)
                noted.pop(name, None)
            case "read":
                told = settled + sum(noted.values())
                log.learn(Spending(told, told, told), NOON)
        assert log.spending(NOON).total <= settled
    log.learn(Spending(settled, settled, settled), NOON)
    assert log.spending(NOON).total >= settled - sum(used.values())


amounts = st.integers(0, 30)


@given(st.lists(st.tuples(amounts, amounts, st.booleans()), max_size=30))
def test_no_more_is_spent_than_allowed_where_estimates_are_kept(
    requests: list[tuple[int, int, bool]],
) -> None:
    log, budget = BudgetLog(), BudgetOptions(day=50, total=70)
    spent, running = 0, []
    for number, (estimate, used, ends) in enumerate(requests):
        used = min(estimate, used)
        if log.reserve(str(number), estimate, budget, NOON, least=used) is None:
            running.append((str(number), used))
        if ends and running:
            name, cost = running.pop(0)
            assert log.adjust(name, cost, budget, NOON) is None
            log.settle(name, cost, NOON)
            spent += cost
    assert spent <= 50
    assert log.spending(NOON).total == spent


@given(st.lists(st.integers(0, 20), min_size=1, max_size=20), st.integers(0, 9))
def test_a_cut_stream_overdraws_by_its_last_report_at_most(steps: list[int], others: int) -> None:
    log = BudgetLog()
    log.reserve("b", others, TEN, NOON)
    log.reserve("a", 0, TEN, NOON)
    used = 0
    for step in steps:
        used += step
        if log.adjust("a", used, TEN, NOON) is not None:
            break
    else:
        assert used + others <= 10
        return
    assert used - step + others <= 10
