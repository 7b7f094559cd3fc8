"""The statistics of arrivals and their chart, on numbers that can be checked by head."""

from __future__ import annotations

import pytest

from gemstream.cli.timing import Timing, chart, measure, report


def test_of_nothing_there_is_nothing_to_tell() -> None:
    assert measure([]) == Timing(arrivals_ms=[])
    assert report(measure([]), width=40, unicode=True) == []
    assert chart([], width=40, unicode=True) == []


def test_one_chunk_has_no_gaps() -> None:
    assert measure([0.5], tokens=10) == Timing(arrivals_ms=[500], first_ms=500, tokens_per_s=20)


def test_gaps_lie_between_arrivals() -> None:
    assert measure([0.1, 0.2, 0.4, 1.0], tokens=5) == Timing(
        arrivals_ms=[100, 200, 400, 1000],
        first_ms=100,
        mean_gap_ms=300,
        median_gap_ms=200,
        p99_gap_ms=600,
        max_gap_ms=600,
        tokens_per_s=5,
    )


@pytest.mark.parametrize(
    ("gaps", "p99"),
    [
        ([1] * 99 + [7], 1),
        ([1] * 98 + [5, 7], 5),
        ([1] * 198 + [7, 9], 1),
        ([3], 3),
        ([7, 1], 7),
    ],
)
def test_the_99th_percentile_is_one_of_the_gaps(gaps: list[int], p99: int) -> None:
    arrivals = [0.0]
    for gap in gaps:
        arrivals.append(arrivals[-1] + gap)
    assert measure(arrivals).p99_gap_ms == p99 * 1000


@pytest.mark.parametrize(("arrivals", "tokens"), [([0.0], 5), ([1.0], None), ([1.0], 0)])
def test_no_speed_without_time_or_tokens(arrivals: list[float], tokens: int | None) -> None:
    assert measure(arrivals, tokens).tokens_per_s is None


@pytest.mark.parametrize(
    ("arrivals_ms", "width", "drawn"),
    [
        ([100], 4, "···█"),
        ([25, 50, 75, 100], 4, "·▄▄█"),
        ([10, 20, 30, 100], 4, "█▄·▄"),
        ([10, 20, 30, 100], 1, "█"),
        ([0, 0, 0], 3, "··█"),
        ([*[1] * 1000, 100], 4, "█··▁"),
    ],
)
def test_a_column_is_as_high_as_its_share_of_chunks(
    arrivals_ms: list[float], width: int, drawn: str
) -> None:
    assert chart(arrivals_ms, width=width, unicode=True)[1] == drawn


def test_a_chart_without_unicode_is_ascii() -> None:
    assert all(line.isascii() for line in chart([1, 2, 3], width=30, unicode=False))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_report_is_never_wider_than_the_terminal(width: int) -> None:
    timing = measure([number / 7 for number in range(1, 500)], tokens=10**6)
    assert max(map(len, report(timing, width=width, unicode=True))) <= max(width, 32)


def test_a_report_names_what_it_shows() -> None:
    lines = report(measure([0.1, 0.2, 0.4, 1.0], tokens=5), width=40, unicode=True)
    assert lines == [
        "first chunk     100.0 ms",
        "mean gap        300.0 ms",
        "median gap      200.0 ms",
        "p99 gap         600.0 ms",
        "max gap         600.0 ms",
        "speed             5.0 tokens/s",
        "4 chunks, 25.0 ms a column",
        "····█···█·······█······················█",
        "0                                1000 ms",
    ]
