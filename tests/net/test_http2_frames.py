"""Frames come out whole, however the bytes were cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hyperframe.frame import DataFrame, PingFrame
from hypothesis import given
from hypothesis import strategies as st

from gemstream.net.http2_frames import DATA, HEAD_SIZE, LARGEST, Frame, Frames

WHOLE = [
    Frame(DATA, 1, DataFrame(1, b"a").serialize()),
    Frame(6, 0, PingFrame(0, b"12345678").serialize()),
    Frame(DATA, 2**31 - 1, DataFrame(2**31 - 1, bytes(300), flags=["END_STREAM"]).serialize()),
    Frame(DATA, 3, DataFrame(3).serialize()),
]
WIRE = b"".join(frame.whole for frame in WHOLE)


@given(st.lists(st.integers(0, len(WIRE))))
def test_every_partition_gives_the_same_frames(cuts: list[int]) -> None:
    frames, edges = Frames(), pairwise([0, *sorted(cuts), len(WIRE)])
    pieces = [WIRE[start:end] for start, end in edges]
    assert [frame for piece in pieces for frame in frames.receive_data(piece)] == WHOLE


def test_what_comes_before_a_frame_that_is_too_large_is_given_out() -> None:
    largest = DataFrame(1, bytes(LARGEST)).serialize()
    too_large = DataFrame(1, bytes(LARGEST + 1)).serialize()[:HEAD_SIZE]
    found = []
    with pytest.raises(ValueError, match="16385"):
        for frame in Frames().receive_data(largest + too_large):
            found.append(frame.whole)
    assert found == [largest]
