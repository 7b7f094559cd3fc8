"""The decisions of limits as OpenTelemetry has them: counted, measured, and on the call's span."""

from __future__ import annotations

import pytest

from gemstream.telemetry import Verdict
from telemetry.exported import Exported
from telemetry.told import IDENTITY, decided, ended, started, tell, waited

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)


@pytest.fixture
def exported() -> Exported:
    return Exported()


def verdict(word: str, quota: str | None = None) -> dict[str, object]:
    quotas = {} if quota is None else {"gemstream.limit.quota": quota}
    return IDENTITY | {"gemstream.limit.verdict": word} | quotas


def test_a_wait_is_counted_and_measured(exported: Exported) -> None:
    tell(exported.hook(), waited())
    metrics = exported.metrics
    assert metrics["gemstream.limit.decisions"] == [
        (verdict("waiting", "rpm"), 1),
        (verdict("granted"), 1),
    ]
    assert metrics["gemstream.limit.wait"] == [(IDENTITY, 1.5)]


def test_a_wait_is_on_the_span_of_its_call(exported: Exported) -> None:
    tell(exported.hook(), waited())
    assert exported.span["events"] == [
        (
            "gemstream.limit",
            {
                "gemstream.limit.verdict": "waiting",
                "gemstream.limit.quota": "rpm",
                "gemstream.limit.amount": 10,
                "gemstream.limit.delay": 1.25,
                "gemstream.limit.ahead": 2,
            },
        ),
        (
            "gemstream.limit",
            {
                "gemstream.limit.verdict": "granted",
                "gemstream.limit.delay": 1.5,
                "gemstream.limit.ahead": 2,
            },
        ),
    ]


def test_what_may_go_at_once_is_counted_and_is_no_event(exported: Exported) -> None:
    tell(exported.hook(), [started(), decided(Verdict.GRANTED, delay=0.0), ended()])
    assert exported.metrics["gemstream.limit.decisions"] == [(verdict("granted"), 1)]
    assert exported.metrics["gemstream.limit.wait"] == [(IDENTITY, 0.0)]
    assert exported.span["events"] == []


@pytest.mark.parametrize("one", [one for one in Verdict if one is not Verdict.GRANTED])
def test_every_other_verdict_is_counted_and_an_event(one: Verdict, exported: Exported) -> None:
    tell(exported.hook(), [started(), decided(one, quota="rpm"), ended()])
    assert exported.metrics["gemstream.limit.decisions"] == [(verdict(one.value, "rpm"), 1)]
    assert "gemstream.limit.wait" not in exported.metrics
    (event,) = exported.span["events"]
    assert event == (
        "gemstream.limit",
        {"gemstream.limit.verdict": one.value, "gemstream.limit.quota": "rpm"},
    )


def test_neither_the_account_nor_a_file_is_told(exported: Exported) -> None:
    tell(exported.hook(capture_content="SPAN_AND_EVENT"), waited())
    assert "key-private" not in exported.everything()
    assert "/home/me" not in exported.everything()


def test_waits_of_minutes_have_buckets_of_their_own(exported: Exported) -> None:
    tell(exported.hook(), waited())
    (wait,) = (one for one in exported.instruments if one.name == "gemstream.limit.wait")
    assert wait.unit == "s"
    assert wait.data.data_points[0].explicit_bounds == (*SECONDS, 163.84, 327.68, 655.36)
