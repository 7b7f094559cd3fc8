"""Requests as spans: their tree, their names, and the trace that they continue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gemstream.config.relay.options import ServerOptions
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.faults import Status
from gemstream.emulator.scripts.steps import WaitForAck
from gemstream.relay.observer import Observers
from gemstream.relay.telemetry.request_log import RequestLog
from gemstream.relay.telemetry.spans import Spans
from support.log_lines import log_lines
from support.relayed import MODEL, Relayed, Watched, prompt, relayed

STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Traced:
    """A relay whose spans are kept."""

    def __init__(self, house: Relayed) -> None:
        self.house = house
        self._kept = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        telemetry = house.relay.telemetry
        assert telemetry is not None
        self.tracing = Spans(telemetry.models, provider)
        log = RequestLog(telemetry.models, trace_id=self.tracing.trace_id)
        house.relay.parts.observer = Observers([log, self.tracing])

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that ended, in that order."""
        return list(self._kept.get_finished_spans())


@contextlib.asynccontextmanager
async def traced(folder: Path, *emulators: Any, **options: Any) -> AsyncIterator[Traced]:
    async with relayed(folder, *emulators, **options) as house:
        yield Traced(house)


def failing(*steps: Any) -> Emulator:
    return Emulator(Script([Rule(steps=list(steps))]))


async def test_a_request_is_a_span_with_its_attempt_below(tmp_path: Path) -> None:
    async with traced(tmp_path) as traces:
        answer = await traces.house.ask(STREAM, prompt())
        (row,) = await traces.house.rows()
    attempt, request = traces.spans
    name = f"generate_content {MODEL}"
    assert (request.name, request.kind) == (name, SpanKind.SERVER)
    assert (attempt.name, attempt.kind) == (name, SpanKind.CLIENT)
    assert attempt.parent is not None and request.parent is None
    assert attempt.parent.span_id == request.context.span_id
    told, below = dict(request.attributes or {}), dict(attempt.attributes or {})
    assert told["gemstream.request_id"] == answer.headers["x-request-id"]
    assert (told["gemstream.surface"], told["gemstream.key_id"]) == ("gemini", "team-a")
    assert (told["http.response.status_code"], told["gemstream.outcome"]) == (200, "stop")
    assert below["gen_ai.provider.name"] == "gcp.gemini"
    assert below["gen_ai.operation.name"] == "generate_content"
    assert below["gen_ai.request.model"] == MODEL
    assert below["gen_ai.request.stream"] is True
    assert below["gen_ai.usage.input_tokens"] == row["prompt_tokens"]
    assert below["gen_ai.response.finish_reasons"] == ("stop",)
    assert (below["server.address"], below["server.port"]) == ("one", 80)
    assert [event.name for event in attempt.events] == ["first_byte"]
    assert [event.name for event in request.events] == ["commit"]
    assert request.start_time <= attempt.start_time <= attempt.end_time <= request.end_time


async def test_a_retry_is_an_event_and_a_span_more(tmp_path: Path) -> None:
    emulators = (failing(Status(code=429)), Emulator())
    async with traced(tmp_path, *emulators, accounts={"one": {"priority": 1}}) as traces:
        await traces.house.ask(WHOLE, prompt())
    first, second, request = traces.spans
    assert first.status.status_code is StatusCode.ERROR
    assert first.status.description == "429 RESOURCE_EXHAUSTED"
    assert dict(first.attributes or {})["error.type"] == "429"
    assert second.status.status_code is StatusCode.UNSET
    assert request.status.status_code is StatusCode.UNSET
    assert [event.name for event in request.events] == ["retry"]


async def test_a_refusal_is_a_span_without_attempts(tmp_path: Path) -> None:
    async with traced(tmp_path) as traces:
        await traces.house.ask(WHOLE, prompt(), key=None)
    (request,) = traces.spans
    told = dict(request.attributes or {})
    assert (request.name, told["gemstream.fault"]) == ("relay", "client_auth")
    assert told["http.response.status_code"] == 401


async def test_a_caller_who_leaves_is_an_event(tmp_path: Path) -> None:
    watched = Watched(failing(WaitForAck(), "late"))
    async with traced(tmp_path, watched) as traces:
        asked = asyncio.create_task(traces.house.open(STREAM, prompt()))
        await watched.arrived.wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await traces.house.rows()
    attempt, request = traces.spans
    assert [event.name for event in attempt.events] == ["client_abort"]
    assert [event.name for event in request.events] == ["client_abort"]
    assert dict(request.attributes or {})["http.response.status_code"] == 499


CONTINUED = {f"00-{TRACE}-{SPAN}-01": True, f"00-{TRACE}-{'0' * 16}-01": False, "nonsense": False}


@pytest.mark.parametrize("written, is_continued", CONTINUED.items())
async def test_the_callers_trace_goes_on_here_and_ends_here(
    tmp_path: Path, written: str, is_continued: bool
) -> None:
    watched = Watched(Emulator())
    headers = {"traceparent": written, "tracestate": "vendor=1", "baggage": "user=me"}
    with log_lines() as log:
        async with traced(tmp_path, watched) as traces:
            await traces.house.ask(WHOLE, prompt(), headers=headers)
    attempt, request = traces.spans
    trace_id = f"{request.context.trace_id:032x}"
    assert (trace_id == TRACE) == is_continued
    assert (request.parent is not None) == is_continued
    if request.parent is not None:
        assert f"{request.parent.span_id:016x}" == SPAN
    assert attempt.context.trace_id == request.context.trace_id
    assert f'"trace_id":"{trace_id}"' in log.lines[-1]
    (head,) = watched.heads
    assert not {"traceparent", "tracestate", "baggage"} & set(head)


async def test_what_ended_is_not_kept(tmp_path: Path) -> None:
    async with traced(tmp_path) as traces:
        answer = await traces.house.ask(WHOLE, prompt())
        assert traces.tracing.trace_id(answer.headers["x-request-id"]) == ""


async def test_it_is_off_unless_the_options_ask_for_it(tmp_path: Path) -> None:
    """Without an SDK the calls go to OpenTelemetry's own no-ops, and the relay serves."""
    async with relayed(tmp_path, server=ServerOptions(tracing=True)) as house:
        assert (await house.ask(WHOLE, prompt())).status == 200
