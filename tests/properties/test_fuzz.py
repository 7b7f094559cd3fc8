"""Anything at all may arrive: no target raises what is not ours, and each returns.

Hypothesis mutates inputs that mean something; the soak run leaves the same targets to a
coverage-guided fuzzer for minutes.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fuzz_targets import SEEDS, TARGETS
from support.strategies import calm


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Return a meaningful input with a few places changed, cut or repeated."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        end = draw(st.integers(place, min(len(data), place + 8)))
        data[place:end] = draw(
            st.one_of(st.binary(max_size=4), st.just(bytes(data[place:end]) * 2))
        )
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_survives_anything(name: str) -> None:
    @calm
    @given(st.one_of(st.binary(max_size=200), mutated(SEEDS[name])))
    def survives(data: bytes) -> None:
        TARGETS[name](data)

    survives()


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name](seed)
