"""How loud and how long raw speech is."""

from __future__ import annotations

import array
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.audio.pcm import INPUT_RATE, level, seconds
from gemstream.errors import InvalidRequest


def pcm(*samples: int) -> bytes:
    data = array.array("h", samples)
    if sys.byteorder == "big":
        data.byteswap()
    return data.tobytes()


@pytest.mark.parametrize(
    ("samples", "loudness"),
    [
        ((), 0.0),
        ((0,) * 160, 0.0),
        ((16_384, -16_384), 0.5),
        ((-32_768,) * 4, 1.0),
        ((3, 4, 0, 0), 2.5 / 32_768),
    ],
)
def test_the_level_is_the_root_mean_square(samples: tuple[int, ...], loudness: float) -> None:
    assert level(pcm(*samples)) == pytest.approx(loudness)


@given(st.lists(st.integers(-32_768, 32_767), min_size=1))
def test_the_level_is_between_silence_and_full_scale(samples: list[int]) -> None:
    assert 0.0 <= level(pcm(*samples)) <= 1.0 + math.ulp(1.0)


def test_half_a_sample_has_no_level() -> None:
    with pytest.raises(InvalidRequest, match="half a sample"):
        level(b"\x00\x01\x02")


def test_speech_lasts_as_long_as_its_samples() -> None:
    assert seconds(b"\x00\x00" * INPUT_RATE, INPUT_RATE) == 1.0
    assert seconds(b"", INPUT_RATE) == 0.0
