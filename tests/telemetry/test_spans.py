"""The events of a call become one span: its name, its attributes, its events, its status."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace

from gemstream.errors import FirstChunkTimeout, GemstreamError
from gemstream.telemetry import AttemptStarted, ChunkReceived, Event, Outcome
from telemetry.exported import Exported
from telemetry.told import IDENTITY, QUOTA, ended, failed_once, one_call, started, stream, tell

FINISHED = {"gemstream.attempts": 1, "gemstream.chunks": 0, "gemstream.outcome": "finished"}


@pytest.fixture
def exported() -> Exported:
    return Exported()


def test_a_call_is_one_client_span_with_all_that_was_asked_and_used(exported: Exported) -> None:
    asked = {
        "max_output_tokens": 50,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "seed": 4,
        "stop_sequences": ["x", "y"],
        "candidate_count": 2,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "response_mime_type": "application/json",
        "response_schema": {"description": "private"},
    }
    usage = {
        "prompt_token_count": 30,
        "candidates_token_count": 7,
        "thoughts_token_count": 3,
        "cached_content_token_count": 20,
        "total_token_count": 40,
        "prompt_tokens_details": [
            {"modality": "TEXT", "token_count": 10},
            {"modality": "IMAGE", "token_count": 20},
        ],
        "candidates_tokens_details": [{"modality": "TEXT", "token_count": 7}],
        "cache_tokens_details": [{"modality": "IMAGE", "token_count": 20}],
    }
    end = {
        "attempts": 1,
        "usage": usage,
        "finish_reasons": ("STOP", "MAX_TOKENS"),
        "response_id": "r-1",
        "response_model": "gemini-2.5-flash-001",
    }
    tell(exported.hook(), one_call({"parameters": asked}, **end))
    assert exported.span == {
        "name": "generate_content gemini-2.5-flash",
        "kind": "CLIENT",
        "status": ("UNSET", None),
        "events": [],
        "attributes": {
            **IDENTITY,
            **FINISHED,
            "gen_ai.request.max_tokens": 50,
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.top_p": 0.9,
            "gen_ai.request.top_k": 40,
            "gen_ai.request.seed": 4,
            "gen_ai.request.stop_sequences": ("x", "y"),
            "gen_ai.request.choice.count": 2,
            "gen_ai.request.frequency_penalty": 0.1,
            "gen_ai.request.presence_penalty": 0.2,
            "gen_ai.output.type": "json",
            "gen_ai.usage.input_tokens": 30,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.usage.cache_read.input_tokens": 20,
            "gen_ai.usage.reasoning.output_tokens": 3,
            "gen_ai.usage.text.input_tokens": 10,
            "gen_ai.usage.image.input_tokens": 20,
            "gen_ai.usage.text.output_tokens": 7,
            "gen_ai.usage.image.cache_read.input_tokens": 20,
            "gen_ai.response.finish_reasons": ("stop", "max_tokens"),
            "gen_ai.response.id": "r-1",
            "gen_ai.response.model": "gemini-2.5-flash-001",
        },
    }


def test_a_stream_tells_its_first_chunk_and_its_continuation(exported: Exported) -> None:
    tell(exported.hook(), stream())
    assert exported.span == {
        "name": "generate_content gemini-2.5-flash",
        "kind": "CLIENT",
        "status": ("UNSET", None),
        "events": [("gemstream.first_chunk", {}), ("gemstream.hop", {"gemstream.hop": 2})],
        "attributes": {
            **IDENTITY,
            "gen_ai.request.stream": True,
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gemstream.attempts": 2,
            "gemstream.chunks": 3,
            "gemstream.outcome": "finished",
        },
    }


def test_a_retry_is_an_event_and_the_last_failure_the_status(exported: Exported) -> None:
    tell(exported.hook(), failed_once())
    told = {"gemstream.attempt": 1, "error.type": "429", "gemstream.retry_in": 1.5}
    assert exported.span == {
        "name": "generate_content gemini-2.5-flash",
        "kind": "CLIENT",
        "status": ("ERROR", "429 RESOURCE_EXHAUSTED"),
        "events": [("gemstream.retry", told)],
        "attributes": {
            **IDENTITY,
            "error.type": "429",
            "gemstream.attempts": 2,
            "gemstream.chunks": 0,
            "gemstream.outcome": "failed",
        },
    }


# The API's method → the name of the span.
OPERATIONS = [
    ("generateContent", "generate_content m"),
    ("streamGenerateContent", "generate_content m"),
    ("embedContent", "embeddings m"),
    ("batchEmbedContents", "embeddings m"),
    ("predict", "embeddings m"),
    ("countTokens", "count_tokens m"),
    ("somethingNew", "somethingNew m"),
]


@pytest.mark.parametrize(("method", "name"), OPERATIONS)
def test_the_name_says_operation_and_model(method: str, name: str, exported: Exported) -> None:
    tell(exported.hook(), one_call({"operation": method, "model": "m"}))
    assert exported.span["name"] == name
    assert exported.span["attributes"]["gen_ai.operation.name"] == name.split()[0]


# How a call ends → status, error.type.
ENDS: list[tuple[Outcome, GemstreamError | None, tuple[str, str | None], str | None]] = [
    (Outcome.FINISHED, None, ("UNSET", None), None),
    (Outcome.STOPPED, None, ("UNSET", None), None),
    (Outcome.CANCELLED, None, ("UNSET", None), None),
    (Outcome.FAILED, QUOTA, ("ERROR", "429 RESOURCE_EXHAUSTED"), "429"),
    (
        Outcome.FAILED,
        FirstChunkTimeout("private"),
        ("ERROR", "FirstChunkTimeout"),
        "gemstream.errors.FirstChunkTimeout",
    ),
]


@pytest.mark.parametrize(("outcome", "error", "status", "error_type"), ENDS)
def test_only_a_failure_is_an_error(
    outcome: Outcome,
    error: GemstreamError | None,
    status: tuple[str, str | None],
    error_type: str | None,
    exported: Exported,
) -> None:
    tell(exported.hook(), [started(), ended(outcome=outcome, error=error)])
    span = exported.span
    assert span["status"] == status
    assert span["attributes"].get("error.type") == error_type
    assert span["attributes"]["gemstream.outcome"] == outcome.value


# The request's settings → the attributes beyond the identity.
SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"candidate_count": 1}, {}),
    (
        {"temperature": 0.0, "seed": 0},
        {"gen_ai.request.temperature": 0.0, "gen_ai.request.seed": 0},
    ),
    ({"response_mime_type": "text/plain"}, {"gen_ai.output.type": "text"}),
    ({"response_mime_type": "text/x.enum"}, {"gen_ai.output.type": "text/x.enum"}),
    ({"response_modalities": ["TEXT", "IMAGE"]}, {"gen_ai.output.type": "image"}),
    ({"response_modalities": ["AUDIO"]}, {"gen_ai.output.type": "speech"}),
    ({"output_dimensionality": 256}, {"gen_ai.embeddings.dimension.count": 256}),
    ({"thinking_config": {"thinking_budget": 0}, "newSetting": "private"}, {}),
]


@pytest.mark.parametrize(("settings", "told"), SETTINGS)
def test_settings_become_attributes(
    settings: dict[str, Any], told: dict[str, Any], exported: Exported
) -> None:
    tell(exported.hook(), one_call({"parameters": settings}, attempts=1))
    assert exported.span["attributes"] == IDENTITY | FINISHED | told


def test_the_parent_is_the_span_that_is_current_where_the_call_is_made(exported: Exported) -> None:
    hook, tracer = exported.hook(), exported.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("page") as page:
        hook(started())
        assert trace.get_current_span() is page
    hook(ended())
    page_span, call = exported.spans
    assert call.parent is not None
    assert call.parent.span_id == page_span.get_span_context().span_id


def test_headers_get_the_trace_only_when_asked(exported: Exported) -> None:
    headers: list[dict[str, str]] = []
    for propagate in (False, True):
        attempt = AttemptStarted(call=1, at=100.0, attempt=1, headers={})
        tell(exported.hook(propagate=propagate), [started(), attempt, ended()])
        headers.append(attempt.headers)
    context = exported.spans[1].get_span_context()
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}"
    assert headers == [{}, {"traceparent": f"{parent}-{context.trace_flags:02x}"}]


def test_events_of_a_call_whose_start_was_not_seen_say_nothing(exported: Exported) -> None:
    hook = exported.hook()
    late: list[Event] = [ChunkReceived(call=7, at=1.0, number=1), ended(7)]
    tell(hook, late)
    assert (exported.spans, exported.metrics) == ([], {})


def test_calls_at_once_keep_apart(exported: Exported) -> None:
    hook = exported.hook()
    calls = [stream(number) for number in range(1, 21)]
    for events in zip(*calls, strict=True):  # the first event of each, then the second …
        tell(hook, events)
    spans = [span for span in exported.spans if span.name == "generate_content gemini-2.5-flash"]
    assert len({span.get_span_context().span_id for span in spans}) == 20
    assert {len(span.events) for span in spans} == {2}


def test_threads_may_share_a_hook(exported: Exported) -> None:
    hook = exported.hook()
    with ThreadPoolExecutor(8) as threads:
        for told in [threads.submit(tell, hook, stream(number)) for number in range(1, 201)]:
            told.result()
    assert {len(span.events) for span in exported.spans} == {2}
    assert len(exported.spans) == 200
    assert exported.metrics["gen_ai.client.operation.duration"] == [(IDENTITY, 400.0)]


def test_a_call_whose_end_is_never_told_makes_way(exported: Exported) -> None:
    hook = exported.hook(max_open=2)
    tell(hook, [started(1), started(2), started(3)])
    assert exported.span["attributes"] == IDENTITY | {"gemstream.outcome": "lost"}
    tell(hook, [ended(1), ended(2), ended(3)])
    assert len(exported.spans) == 3


def test_the_span_ends_when_the_answer_cannot_be_read(exported: Exported) -> None:
    def broken() -> Any:
        raise ZeroDivisionError

    hook = exported.hook(capture_content="SPAN_ONLY")
    hook(started())
    with pytest.raises(ZeroDivisionError):
        hook(ended(content=broken))
    assert exported.span["attributes"]["gemstream.outcome"] == "finished"
