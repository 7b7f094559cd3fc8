"""The pieces the pool is made of: the table of states, the curve, the throttle."""

from __future__ import annotations

import itertools

import pytest

from gemstream.policy.account.cubic import CubicCeiling
from gemstream.policy.account.state import OPEN, Happening, Standing, State
from gemstream.policy.account.throttle import Throttle

FOLLOWS = {
    (State.OPEN, Happening.COOLED): State.COOLING,
    (State.OPEN, Happening.EJECTED): State.EJECTED,
    (State.OPEN, Happening.DISABLED): State.DISABLED,
    (State.COOLING, Happening.COOLED): State.COOLING,
    (State.COOLING, Happening.ELAPSED): State.OPEN,
    (State.EJECTED, Happening.ELAPSED): State.HALF_OPEN,
    (State.HALF_OPEN, Happening.EJECTED): State.EJECTED,
    (State.HALF_OPEN, Happening.ANSWERED): State.OPEN,
}


@pytest.mark.parametrize(("state", "happening"), list(itertools.product(State, Happening)))
def test_what_follows(state: State, happening: Happening) -> None:
    assert Standing(state).after(happening) is FOLLOWS.get((state, happening))


@pytest.mark.parametrize("state", list(State))
def test_time_alone_ends_cooling_and_ejection(state: State) -> None:
    standing = Standing(state, until=10.0)
    assert standing.at(9.9).state is state
    after = {State.COOLING: State.OPEN, State.EJECTED: State.HALF_OPEN}
    assert standing.at(10.0).state is after.get(state, state)
    assert OPEN.at(1e9) is OPEN


@pytest.mark.parametrize("before", [1, 2, 10, 100, 1000])
def test_the_ceiling_is_cut_by_three_tenths_and_grows_for_ever(before: int) -> None:
    ceiling = CubicCeiling(before, 100.0)
    assert ceiling.at(50.0) == ceiling.at(100.0) == max(1, int(before * 0.7))
    levels = [ceiling.at(100.0 + second) for second in range(60)]
    assert levels == sorted(levels)
    assert not ceiling.is_over(100.0)
    assert ceiling.is_over(160.0)


def overloaded(requests: int, refused: int) -> Throttle:
    throttle = Throttle()
    for number in range(requests):
        assert not throttle.refuses(5.0, 0.999)
        if number < refused:
            throttle.receive_overload(5.0)
    return throttle


@pytest.mark.parametrize(
    ("requests", "refused", "chance"),
    [(9, 9, 0.0), (100, 0, 0.0), (100, 50, 0.0), (100, 75, 50 / 101), (100, 100, 100 / 101)],
)
def test_a_model_is_spared_once_it_refuses_more_than_half(
    requests: int, refused: int, chance: float
) -> None:
    assert overloaded(requests, refused).chance(6.0) == pytest.approx(chance)


def test_what_is_not_sent_counts_as_asked_and_two_minutes_forget_it() -> None:
    throttle = overloaded(100, 75)
    before = throttle.chance(6.0)
    assert throttle.refuses(7.0, 0.0)
    assert throttle.chance(7.0) > before
    assert throttle.chance(118.0) > 0
    assert throttle.chance(135.0) == 0.0
    throttle.receive_overload(5.0)  # of a request from before: no news
    assert throttle.chance(136.0) == 0.0
