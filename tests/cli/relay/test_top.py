"""``gemstream relay top``: what happened between two looks, and how it is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.relay.site import FILE_KEY, Site
from gemstream.cli.relay.top_table import fields, percentile, table
from gemstream.relay.telemetry.facts import AccountSums, Facts, Sums

BOUNDS = (0.1, 0.2, 0.4)


def facts(at: float, requests: int, first_chunk: tuple[int, ...], **changed: Any) -> Facts:
    sums = {"requests": requests, "output_tokens": 10 * requests, "tokens": 12 * requests}
    told: dict[str, Any] = {
        "at": at,
        "refused": 0,
        "streams": 3,
        "micros": 1_000_000 * requests,
        "lag": 0.002,
        "is_draining": False,
        "bounds": BOUNDS,
        "first_chunk": first_chunk,
        "keys": (Sums(name="team-a", failures=1, **sums),),
        "models": (Sums(name="gemini-2.5-flash", **sums),),
        "accounts": (AccountSums(name="one", states=("open",), **sums),),
        **sums,
    }
    return Facts(**{**told, **changed})


def test_rates_are_of_the_time_between_two_looks() -> None:
    told = fields(facts(10, 100, (100, 0, 0, 0)), facts(12, 110, (100, 10, 0, 0)))
    assert told["seconds"] == 2
    assert told["rates"]["requests"] == 5
    assert told["rates"]["output_tokens"] == 50
    assert 0.1 < told["rates"]["first_chunk_p50"] < 0.2
    assert told["requests"] == 110


def test_when_nothing_began_meanwhile_the_times_are_those_from_before() -> None:
    told = fields(facts(10, 100, (100, 0, 0, 0)), facts(12, 100, (100, 0, 0, 0)))
    assert told["rates"]["requests"] == 0
    assert told["rates"]["first_chunk_p99"] <= 0.1


def test_a_relay_that_was_started_anew_makes_no_negative_rates() -> None:
    told = fields(facts(10, 100, (100, 0, 0, 0)), facts(12, 1, (1, 0, 0, 0)))
    assert all(rate >= 0 for rate in told["rates"].values() if rate is not None)
    lines = table(facts(10, 100, (100, 0, 0, 0)), facts(12, 1, (1, 0, 0, 0)))
    assert not [line for line in lines if " -" in line]


def test_the_table_has_keys_models_and_accounts() -> None:
    lines = table(facts(10, 100, (9, 0, 0, 0)), facts(11, 107, (9, 7, 0, 0)))
    assert lines[0].startswith("7.0 requests/s   3 streams open   70 tokens/s   $420.0000/min")
    rows = {line.split()[0]: line.split() for line in lines[2:] if line}
    assert rows["team-a"][1:4] == ["7.0", "0.0", "70"]
    assert rows["one"][-1] == "open"
    assert {"KEY", "MODEL", "ACCOUNT", "gemini-2.5-flash"} <= set(rows)


def test_many_keys_are_the_busiest_ten() -> None:
    before = facts(10, 1, (0, 0, 0, 0), keys=())
    keys = tuple(Sums(name=f"key-{number:02}", requests=number) for number in range(30))
    lines = table(before, facts(11, 1, (0, 0, 0, 0), keys=keys))
    shown = [line.split()[0] for line in lines if line.startswith("key-")]
    assert shown == [f"key-{number}" for number in range(29, 19, -1)]
    assert "… and 20 more" in lines


@given(
    st.lists(st.integers(0, 1000), min_size=4, max_size=4), st.floats(0.01, 1), st.floats(0.01, 1)
)
def test_percentiles_grow_and_stay_within_the_bounds(
    counts: list[int], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    first, second = percentile(BOUNDS, counts, low), percentile(BOUNDS, counts, high)
    if not sum(counts):
        assert first is second is None
        return
    assert first is not None and second is not None
    assert 0 <= first <= second <= BOUNDS[-1]


@pytest.mark.parametrize("arguments", [(), ("--json", "--count", "2")])
def test_it_reads_a_running_relay(site: Site, arguments: tuple[str, ...]) -> None:
    assert FILE_KEY
    shown = site.run("top", "--interval", "0.1", *arguments)
    assert (shown.code, shown.err) == (0, "")
    if not arguments:
        assert "requests/s" in shown.out and "ACCOUNT" in shown.out and "\x1b" not in shown.out
        return
    first, second = (json.loads(line) for line in shown.out.splitlines())
    assert first["schema"] == second["schema"] == "gemstream.relay-top/1"
    assert second["at"] > first["at"]
    assert [one["name"] for one in second["accounts"]] == ["one"]
