"""The reference page names what there is: no event, attribute, metric or variable more or less."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gemstream import telemetry
from gemstream.telemetry import Event, semconv
from support.tables import read_table
from telemetry.exported import Exported
from telemetry.told import QUOTA, ended, failed_once, started, stream, tell, waited
from telemetry.told_live import lost_session

PAGE = "docs/reference/telemetry.md"
CODE = re.compile(r"`([^`]+)`")


def names(name: str, column: int = 0) -> list[str]:
    return [code for row in read_table(PAGE, name) for code in CODE.findall(row[column])]


def spelt_out(name: str) -> list[str]:
    """``a.{b,c}.d`` as ``a.b.d`` and ``a.c.d``."""
    found = re.search(r"\{([^}]*)\}", name)
    if found is None:
        return [name]
    choices = found[1].split(",")
    return [one for choice in choices for one in spelt_out(name.replace(found[0], choice, 1))]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Exported:
    """Every kind of thing that can be told, told."""
    monkeypatch.setenv(semconv.OPT_IN_VARIABLE, semconv.LATEST_EXPERIMENTAL)
    exported = Exported()
    hook = exported.hook(capture_content="SPAN_ONLY")
    tell(hook, stream())
    tell(hook, failed_once())
    tell(hook, waited())
    tell(hook, lost_session())
    tell(hook, [started(**everything_asked()), ended(error=QUOTA, **everything_answered())])
    return exported


def everything_asked() -> dict[str, Any]:
    settings = dict.fromkeys(semconv.REQUEST_PARAMETERS, 1)
    parameters = settings | {"candidate_count": 2, "response_mime_type": "text/plain"}
    said = [{"parts": [{"text": "Hi"}]}]
    tools = [{"functionDeclarations": [{"name": "find"}]}]
    body = {"contents": said, "systemInstruction": said[0], "tools": tools}
    return {"parameters": parameters, "content": lambda: body}


def everything_answered() -> dict[str, Any]:
    modalities = ("TEXT", "IMAGE", "AUDIO", "VIDEO")
    details = [{"modality": one, "token_count": 1} for one in modalities]
    counts = ("prompt", "candidates", "thoughts", "cached_content")
    usage = {f"{count}_token_count": 4 for count in counts}
    kinds = ("prompt_tokens", "candidates_tokens", "cache_tokens")
    return {
        "usage": usage | {f"{kind}_details": details for kind in kinds},
        "response_id": "r",
        "response_model": "m",
        "content": lambda: {"candidates": [{"finishReason": "STOP"}]},
    }


def test_every_event_is_there_with_every_field() -> None:
    kinds = {kind.__name__: kind for kind in Event.__subclasses__()}
    assert names("events") == list(kinds)
    assert set(kinds) <= set(telemetry.__all__)
    for row in read_table(PAGE, "events"):
        (kind,) = CODE.findall(row[0])
        assert ("call", "at", *CODE.findall(row[2])) == kinds[kind].__struct_fields__


def test_every_attribute_is_there(exported: Exported) -> None:
    told = {name for span in exported.spans for name in span.attributes or {}}
    assert {one for name in names("attributes") for one in spelt_out(name)} == told


def test_every_event_of_a_span_is_there(exported: Exported) -> None:
    told: dict[str, set[str]] = {}
    for event in (event for span in exported.spans for event in span.events):
        told.setdefault(event.name, set()).update(event.attributes or {})
    rows = read_table(PAGE, "span events")
    assert {CODE.findall(row[0])[0]: set(CODE.findall(row[1])) for row in rows} == told


def test_every_metric_is_there_with_its_unit_and_attributes(exported: Exported) -> None:
    common = {name for name in exported.spans[0].attributes or {} if name.startswith("server.")}
    common |= {semconv.OPERATION_NAME, semconv.PROVIDER_NAME, semconv.REQUEST_MODEL}
    common |= {semconv.RESPONSE_MODEL}
    told = {
        one.name: (
            f"{'counter' if hasattr(one.data, 'is_monotonic') else 'histogram'}, {one.unit}",
            {name for point in one.data.data_points for name in point.attributes} - common,
        )
        for one in exported.instruments
    }
    rows = read_table(PAGE, "metrics")
    assert {CODE.findall(row[0])[0]: (row[1], set(CODE.findall(row[2]))) for row in rows} == told


def test_every_variable_is_there() -> None:
    assert names("environment") == [semconv.OPT_IN_VARIABLE, semconv.CAPTURE_VARIABLE]


def test_every_verdict_is_there() -> None:
    assert names("verdicts") == [one.value for one in telemetry.Verdict]
