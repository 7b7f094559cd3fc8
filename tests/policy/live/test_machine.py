"""Both ends of a session against each other, in any order: neither meets an illegal state."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.live_machine import DirectLiveMachine, LiveMachine

# In CI always the same ones; `make soak` takes new ones at every run.
_IN_CI = settings(
    max_examples=250,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
_IN_SOAK = settings(_IN_CI, max_examples=3000, derandomize=False)


def run(machine: type[LiveMachine], profile: settings) -> int:
    """Return how many messages were delivered."""
    before = machine.delivered
    run_state_machine_as_test(machine, settings=profile)
    return machine.delivered - before


@pytest.mark.parametrize("machine", [LiveMachine, DirectLiveMachine])
def test_what_one_end_may_send_the_other_accepts(machine: type[LiveMachine]) -> None:
    assert run(machine, _IN_CI) >= 1000


@pytest.mark.soak
@pytest.mark.parametrize("machine", [LiveMachine, DirectLiveMachine])
def test_what_one_end_may_send_the_other_accepts_for_long(machine: type[LiveMachine]) -> None:
    assert run(machine, _IN_SOAK) >= 20_000
