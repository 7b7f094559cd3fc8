"""The reference page says what is told, and nothing else."""

from __future__ import annotations

from gemstream.relay.observer import End
from gemstream.relay.telemetry.metric import METRICS, PREFIX
from gemstream.relay.telemetry.request_log import Line
from support.tables import read_table

PAGE = "docs/reference/relay-metrics.md"


def test_every_metric_is_on_the_page() -> None:
    told = [
        [
            f"`{metric.full_name.removeprefix(PREFIX)}`",
            metric.kind.value,
            ", ".join(f"`{label}`" for label in metric.labels) or "-",
            metric.help,
        ]
        for metric in METRICS.values()
        if metric.is_exposed
    ]
    assert read_table(PAGE, "metrics") == told


def test_every_field_of_a_line_is_on_the_page() -> None:
    fields = [row[0].strip("`") for row in read_table(PAGE, "line")]
    assert fields == list(Line.__struct_fields__)


def test_every_end_is_on_the_page() -> None:
    assert [row[0].strip("`") for row in read_table(PAGE, "ends")] == [end.value for end in End]
