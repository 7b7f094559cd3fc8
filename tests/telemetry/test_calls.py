"""A client and its spans, against the emulator: many calls, nothing private, traces that go on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gemstream import FunctionDeclaration, GemstreamError, Tool
from gemstream.emulator import Emulator, ErrorInStream, Status
from support.emulated import async_client, blocking_client, scripted
from support.service import KEY, Service, client_of, failed, finish, said
from telemetry.exported import Exported, plain_span

PROMPT, SYSTEM, ANSWER = "prompt words", "system words", "answer words"


@pytest.fixture
def exported() -> Exported:
    return Exported()


async def every_kind_of_call(exported: Exported, **options: Any) -> None:
    """A whole answer, a stream, a count, an embedding, one that fails, one that breaks off."""
    quoted = ErrorInStream(code=500, message=f"the service quotes {PROMPT}")
    steps: list[list[Any]] = [[ANSWER], [ANSWER], [ANSWER, quoted], [Status(code=400)]]
    client = async_client(scripted(*steps), on_event=exported.hook(**options))
    function = FunctionDeclaration(name="find", description="tool words")
    asked: dict[str, Any] = {"system": SYSTEM, "tools": [Tool(function_declarations=[function])]}
    await client.generate(PROMPT, **asked)
    await client.generate_stream(PROMPT, **asked).finish()
    for _ in range(2):
        with pytest.raises(GemstreamError):
            await client.generate_stream(PROMPT, **asked).finish()
    await client.count_tokens(PROMPT)
    await client.embed(PROMPT)


@pytest.mark.parametrize("opt_in", ["", "gen_ai_latest_experimental"])
async def test_nothing_that_was_said_and_no_key_is_recorded(
    opt_in: str, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", opt_in)
    await every_kind_of_call(exported, propagate=True)
    everything = exported.everything()
    assert len(exported.spans) == 6
    assert "generate_content gemini-2.5-flash" in everything
    for private in ("words", KEY, KEY[:12]):
        assert private not in everything


async def test_captured_content_holds_all_of_it_and_still_no_key(exported: Exported) -> None:
    await every_kind_of_call(exported, capture_content="SPAN_AND_EVENT")
    for whole in (json.dumps([plain_span(span) for span in exported.spans]), str(exported.logs)):
        assert KEY[:12] not in whole
    attributes = [dict(log.attributes) for log in exported.logs]
    for private in (PROMPT, SYSTEM, ANSWER, "tool words"):
        assert private in json.dumps(attributes, default=dict)
        assert private in exported.everything()


async def test_a_key_that_the_service_quotes_is_not_recorded(exported: Exported) -> None:
    refusal = failed(400, "INVALID_ARGUMENT", message=f"API key not valid: {KEY}")
    client = client_of(Service(refusal), on_event=exported.hook(capture_content="SPAN_ONLY"))
    with pytest.raises(GemstreamError):
        await client.generate("Hi")
    assert "API key not valid" in exported.everything()
    assert KEY not in exported.everything()


async def test_the_trace_goes_along_only_when_asked(exported: Exported) -> None:
    sent = []
    for propagate in (False, True):
        service = Service(said(finish("a")))
        await client_of(service, on_event=exported.hook(propagate=propagate)).generate("Hi")
        sent.append(service.last.headers.get("traceparent"))
    assert sent[0] is None
    assert f"{exported.spans[1].get_span_context().trace_id:032x}" in sent[1]


async def test_many_streams_at_once_have_a_span_each_under_their_own_parent(
    exported: Exported,
) -> None:
    client = async_client(Emulator(), on_event=exported.hook())
    tracer = exported.tracer_provider.get_tracer("app")

    async def one(number: int) -> None:
        with tracer.start_as_current_span(f"page {number}"):
            await client.generate_stream(f"Count to {number}").finish()

    await asyncio.gather(*(one(number) for number in range(1, 31)))
    pages = {
        span.get_span_context().span_id: span.name
        for span in exported.spans
        if span.name.startswith("page")
    }
    chunks: dict[str, int] = {}
    for span in exported.spans:
        if span.parent is not None and span.attributes is not None:
            chunks[pages[span.parent.span_id]] = span.attributes["gemstream.chunks"]  # type: ignore[assignment]
    assert chunks == {f"page {number}": number for number in range(1, 31)}


def test_the_blocking_client_takes_the_span_of_its_thread_as_parent(exported: Exported) -> None:
    tracer = exported.tracer_provider.get_tracer("app")
    with (
        blocking_client(Emulator(), on_event=exported.hook()) as client,
        tracer.start_as_current_span("page") as page,
    ):
        client.generate("Hi")
        client.generate_stream("Count to 3").finish()
    parents = [span.parent and span.parent.span_id for span in exported.spans[:-1]]
    assert parents == [page.get_span_context().span_id] * 2
