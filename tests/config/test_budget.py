"""Budget multipliers: the smallest counts, once, rounded, and never below one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.config.budget import Budget, budgeted
from gemstream.config.limits import Limits
from gemstream.errors import ConfigError

FREE = Limits(rpm=10, tpm=250_000, rpd=250, concurrency=2)

# Shares, as rpm of several budgets → what is left of 10.
SHARES: list[tuple[list[float], int]] = [
    ([], 10),
    ([1.0], 10),
    ([0.8], 8),
    ([0.8, 0.8], 8),
    ([0.8, 0.5, 1.0], 5),
    ([0.25], 3),  # 2.5: halves up
    ([0.24], 2),
    ([0.01], 1),
    ([5e-324], 1),
]


@pytest.mark.parametrize(("shares", "left"), SHARES)
def test_the_smallest_share_is_applied_once(shares: list[float], left: int) -> None:
    limits = budgeted(FREE, *(Budget(rpm=share) for share in shares))
    assert limits == Limits(rpm=left, tpm=250_000, rpd=250, concurrency=2)


def test_each_limit_has_its_own_smallest_and_an_absent_budget_takes_nothing() -> None:
    limits = budgeted(FREE, Budget(rpm=0.5, tpm=0.9), None, Budget(tpm=0.8, rpd=0.1))
    assert limits == Limits(rpm=5, tpm=200_000, rpd=25, concurrency=2)
    assert budgeted(FREE, None, None) == FREE


def test_no_limit_stays_none() -> None:
    assert budgeted(Limits(), Budget(rpm=0.1, tpm=0.1, rpd=0.1)) == Limits()


@pytest.mark.parametrize("share", [0, -0.5, 1.01, math.nan, math.inf, True, "0.8", None])
@pytest.mark.parametrize("name", ["rpm", "tpm", "rpd"])
def test_a_share_that_is_none_is_refused(name: str, share: Any) -> None:
    with pytest.raises(ConfigError, match=f"budget {name} is .*above 0 and at most 1"):
        Budget(**{name: share})


shares = st.floats(min_value=0, max_value=1, exclude_min=True)


@given(st.integers(1, 10**9), st.lists(shares, min_size=1))
def test_order_does_not_count_and_a_budget_never_adds(limit: int, given: list[float]) -> None:
    budgets = [Budget(tpm=share) for share in given]
    left = budgeted(Limits(tpm=limit), *budgets).tpm
    assert left == budgeted(Limits(tpm=limit), *reversed(budgets)).tpm
    assert left is not None
    assert 1 <= left <= limit
    assert left == 1 or abs(left - limit * min(given)) <= 0.5
