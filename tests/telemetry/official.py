"""The official SDK, instrumented by OpenTelemetry's own package, making the calls of a test.

Run in a process of its own, because that instrumentation rewrites the SDK in place:
``python official.py URL`` reads the calls from standard input as JSON and prints the spans as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from google import genai
from google.genai import errors
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ("main",)


async def main(url: str, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the calls against ``url`` and return what was told of them."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    # It was released for SDK 1 and 2 and works with 3.
    GoogleGenAiSdkInstrumentor().instrument(
        tracer_provider=provider, meter_provider=MeterProvider(), skip_dep_check=True
    )
    models = genai.Client(api_key="k", http_options={"base_url": url}).aio.models
    for call in calls:
        with suppress(errors.APIError):  # the span tells it
            await _make(models, **call)
    return [
        {
            "name": span.name,
            "kind": span.kind.name,
            "status": span.status.status_code.name,
            "attributes": dict(span.attributes or {}),
        }
        for span in kept.get_finished_spans()
    ]


async def _make(models: Any, method: str, model: str, config: dict[str, Any] | None = None) -> None:
    if method == "stream":
        async for _ in await models.generate_content_stream(
            model=model, contents="Count to 3", config=config
        ):
            pass
    elif method == "embed":
        await models.embed_content(model=model, contents="Count to 3")
    else:
        await models.generate_content(model=model, contents="Count to 3", config=config)


if __name__ == "__main__":
    json.dump(asyncio.run(main(sys.argv[1], json.load(sys.stdin))), sys.stdout)
