"""Speech cut by time, and the types that name its rate."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.audio import INPUT_RATE, OUTPUT_RATE, chunks, mime_type, rate_of
from gemstream.errors import InvalidRequest

SOUND = st.binary(max_size=4000).map(lambda data: data[: len(data) // 2 * 2])


@given(SOUND, st.integers(1, 96_000), st.floats(0.1, 500))
def test_the_chunks_are_the_sound_in_whole_samples(pcm: bytes, rate: int, ms: float) -> None:
    size = int(rate * ms / 1000) * 2
    if size == 0:
        return
    pieces = list(chunks(pcm, rate, milliseconds=ms))
    assert b"".join(pieces) == pcm
    assert all(len(piece) == size for piece in pieces[:-1])
    assert all(0 < len(piece) <= size and len(piece) % 2 == 0 for piece in pieces)


def test_a_chunk_is_a_tenth_of_a_second_unless_told_otherwise() -> None:
    assert [len(piece) for piece in chunks(bytes(8000), INPUT_RATE)] == [3200, 3200, 1600]
    assert [len(piece) for piece in chunks(bytes(100), 1000, milliseconds=20)] == [40, 40, 20]
    assert list(chunks(b"", INPUT_RATE)) == []


@pytest.mark.parametrize(
    ("pcm", "rate", "ms", "said"),
    [
        (b"\0", 16_000, 100, "half a sample"),
        (b"\0\0", 0, 100, "rate is 0"),
        (b"\0\0", -1, 100, "rate is -1"),
        (b"\0\0", 16_000.0, 100, "rate is 16000.0"),
        (b"\0\0", True, 100, "rate is True"),
        (b"\0\0", 16_000, 0, "no sample"),
        (b"\0\0", 16_000, -20, "no sample"),
        (b"\0\0", 16_000, 0.06, "no sample"),
        (b"\0\0", 16_000, math.nan, "no sample"),
        (b"\0\0", 16_000, math.inf, "no sample"),
    ],
)
def test_what_cannot_be_cut_is_told_before_the_first_chunk(
    pcm: bytes, rate: int, ms: float, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        chunks(pcm, rate, milliseconds=ms)


@pytest.mark.parametrize(
    ("type", "rate"),
    [
        ("audio/pcm;rate=24000", 24_000),
        ("audio/pcm; Rate=16000", 16_000),
        ('audio/L16;codec=pcm;rate="8000";channels=1', 8_000),
        ("audio/pcm", OUTPUT_RATE),
        ("audio/pcm;rate=0", OUTPUT_RATE),
        ("audio/pcm;rate=fast", OUTPUT_RATE),
        ("", OUTPUT_RATE),
    ],
)
def test_a_type_names_its_rate(type: str, rate: int) -> None:
    assert rate_of(type) == rate


@given(st.integers(1, 10**9 - 1))
def test_a_type_that_we_make_is_one_that_we_read(rate: int) -> None:
    assert rate_of(mime_type(rate)) == rate


@pytest.mark.parametrize("type", ["audio/mpeg", "audio/wav;rate=24000", "text/plain", "pcm"])
def test_what_is_no_raw_speech_has_no_rate(type: str) -> None:
    with pytest.raises(InvalidRequest, match="not raw speech"):
        rate_of(type)
