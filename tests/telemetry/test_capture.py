"""What was said is recorded where it was asked for, and by default nowhere."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from gemstream import OpenTelemetry
from gemstream.errors import ConfigError
from gemstream.telemetry.capture import ContentCapture
from telemetry.exported import Exported
from telemetry.told import QUOTA, ended, failed_once, started, tell

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
REQUEST = {
    "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
}
ANSWER = {"candidates": [{"content": {"parts": [{"text": "Ho"}]}, "finishReason": "STOP"}]}
SAID = {
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
    "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "Ho"}],
            "finish_reason": "stop",
        }
    ],
}


def said_in_span(exported: Exported) -> dict[str, Any]:
    attributes = exported.span["attributes"]
    return {name: json.loads(attributes[name]) for name in SAID if name in attributes}


def said_in_event(exported: Exported) -> dict[str, Any]:
    """What the log holds, as JSON would have it: the SDK keeps lists as tuples."""
    attributes = {name: value for log in exported.logs for name, value in log.attributes.items()}
    return {
        name: json.loads(json.dumps(attributes[name], default=dict))
        for name in SAID
        if name in attributes
    }


# The variable, the option → in the span, in an event.
PLACES = [
    (None, None, {}, {}),
    ("", None, {}, {}),
    ("NO_CONTENT", None, {}, {}),
    ("SPAN_ONLY", None, SAID, {}),
    (" span_only ", None, SAID, {}),
    ("EVENT_ONLY", None, {}, SAID),
    ("SPAN_AND_EVENT", None, SAID, SAID),
    ("SPAN_AND_EVENT", "NO_CONTENT", {}, {}),
    ("NO_CONTENT", ContentCapture.SPAN_ONLY, SAID, {}),
    ("true", "EVENT_ONLY", {}, SAID),
]


@pytest.mark.parametrize(("variable", "option", "in_span", "in_event"), PLACES)
def test_content_goes_where_it_was_asked_for(
    variable: str | None,
    option: ContentCapture | str | None,
    in_span: dict[str, Any],
    in_event: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(VARIABLE, variable)
    exported = Exported()
    start, end = started(content=lambda: REQUEST), ended(content=lambda: ANSWER)
    tell(exported.hook(capture_content=option), [start, end])
    assert said_in_span(exported) == in_span
    assert said_in_event(exported) == in_event


def test_the_event_is_the_inference_details_of_the_span() -> None:
    exported = Exported()
    events = [started(content=lambda: REQUEST), ended(content=lambda: ANSWER)]
    tell(exported.hook(capture_content="EVENT_ONLY"), events)
    (log,) = exported.logs
    (span,) = exported.spans
    assert log.event_name == "gen_ai.client.inference.operation.details"
    assert log.span_id == span.get_span_context().span_id
    assert set(log.attributes) == {*exported.span["attributes"], *SAID}


def test_content_is_not_even_made_when_nobody_wants_it() -> None:
    def unwanted() -> Any:
        raise AssertionError

    tell(Exported().hook(), [started(content=unwanted), ended(content=unwanted)])


# Whether content is captured → the words of an error may quote a request, so they go with it.
WORDS = [("NO_CONTENT", "429 RESOURCE_EXHAUSTED"), ("SPAN_ONLY", str(QUOTA))]


@pytest.mark.parametrize(("capture", "words"), WORDS)
def test_the_words_of_an_error_are_content(capture: str, words: str) -> None:
    exported = Exported()
    tell(exported.hook(capture_content=capture), failed_once())
    assert exported.span["status"] == ("ERROR", words)


@pytest.mark.parametrize("name", ["true", "SPANS", "1"])
def test_another_name_is_refused_and_the_known_ones_are_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=f"capture_content is '{name}'.*SPAN_AND_EVENT"):
        OpenTelemetry(capture_content=name)
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(ConfigError, match=f"{VARIABLE} is '{name}'.*SPAN_AND_EVENT"):
        OpenTelemetry()


def test_without_the_library_the_extra_is_named() -> None:
    script = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from gemstream import GemstreamError, OpenTelemetry\n"
        "try:\n    OpenTelemetry()\n"
        "except GemstreamError as error:\n    print(type(error).__name__, error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == (
        "ConfigError OpenTelemetry needs opentelemetry-api: pip install 'gemstream[otel]'\n"
    )
