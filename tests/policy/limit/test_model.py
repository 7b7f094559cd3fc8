"""The books of limits, in whatever order things happen, beside a list that is counted anew."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.limit_machine import LimitMachine

# In CI always the same ones; `make soak` takes new ones at every run.
_IN_CI = settings(
    max_examples=500,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
_IN_SOAK = settings(_IN_CI, max_examples=2600, derandomize=False)


def run(profile: settings) -> int:
    """Return how many steps were taken."""
    before = LimitMachine.steps
    run_state_machine_as_test(LimitMachine, settings=profile)
    return LimitMachine.steps - before


def test_20_000_steps_count_as_the_plain_list_does() -> None:
    assert run(_IN_CI) >= 20_000


@pytest.mark.soak
def test_100_000_steps_count_as_the_plain_list_does() -> None:
    assert run(_IN_SOAK) >= 100_000
