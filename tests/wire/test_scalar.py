"""Base64 in both alphabets, and durations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import DecodeError
from gemstream.wire.content import Blob
from gemstream.wire.scalar import decode_base64, decode_duration, encode_base64, encode_duration
from support.strategies import calm


@calm
@given(data=st.binary(max_size=40))
def test_bytes_are_read_in_either_alphabet_padded_or_not(data: bytes) -> None:
    standard = encode_base64(data)
    url_safe = standard.replace("+", "-").replace("/", "_")
    for text in (standard, url_safe, standard.rstrip("="), url_safe.rstrip("=")):
        assert decode_base64(text) == data
    assert Blob.of(data, "a/b").content == data


def test_bytes_are_written_in_the_standard_alphabet_with_padding() -> None:
    assert encode_base64(b"\xfb\xff\xbf\x00") == "+/+/AA=="


@pytest.mark.parametrize(
    "text",
    [
        "Y",
        "====",
        "YQ===",
        "Y=Q=",
        " YQ==",
        "YQ==\n",
        "Y Q=",
        "é",
        "YQ=YQ",
        "Y!==",
        "YQ\0=",
        "\ud800",
    ],
)
def test_what_is_not_base64_is_refused_with_its_beginning(text: str) -> None:
    with pytest.raises(DecodeError, match="not base64") as caught:
        decode_base64(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("47s", 47.0),
        ("38.8s", 38.8),
        ("47.174066935s", 47.174066935),
        ("0s", 0.0),
        ("0.000000001s", 1e-9),
        ("-1.5s", -1.5),
        ("315576000000s", 315_576_000_000.0),
    ],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert decode_duration(text) == seconds
    assert decode_duration(encode_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "47",
        "47 s",
        "47S",
        "1e3s",
        "+1s",
        ".5s",
        "1.s",
        "1_0s",
        "\u0661s",
        "infs",
        "nans",
        "47s\n",
        "100ms",
        "2m",
        "1.0000000001s",
        "9" * 400 + "s",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DecodeError, match="not a duration"):
        decode_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3, "3s"), (3.5, "3.5s"), (10.0, "10s"), (0, "0s"), (1e-10, "0s"), (-0.25, "-0.25s")],
)
def test_a_duration_is_written_without_idle_digits(seconds: float, text: str) -> None:
    assert encode_duration(seconds) == text


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_a_duration_without_end_cannot_be_written(seconds: float) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        encode_duration(seconds)
