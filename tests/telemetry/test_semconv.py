"""Our names are those that OpenTelemetry publishes; each that it does not yet is listed here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, network_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes

from gemstream.telemetry import semconv

# In the conventions' own repository, and not yet in the package made of the older one.
NEWER = {
    "gen_ai.client.inference.operation.details",
    "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "gen_ai.realtime_session.id",
    "gen_ai.token.modality",
}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value.values()


def published() -> set[str]:
    modules = (
        gen_ai_attributes,
        gen_ai_metrics,
        error_attributes,
        network_attributes,
        server_attributes,
    )
    return {
        value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }


def test_every_name_is_published() -> None:
    ours = {
        text
        for name in semconv.__all__
        for text in texts(getattr(semconv, name))
        if text.startswith(("gen_ai.", "server.", "error.", "network."))
    }
    assert ours - published() == NEWER


def test_operations_and_providers_are_published() -> None:
    known = {member.value for member in gen_ai_attributes.GenAiOperationNameValues}
    assert set(semconv.OPERATION_NAMES.values()) - known == {"count_tokens", "live"}
    providers = {member.value for member in gen_ai_attributes.GenAiProviderNameValues}
    assert {"gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"} <= providers


def test_buckets_rise() -> None:
    for name in semconv.__all__:
        if name.endswith("_BUCKETS"):
            bounds = getattr(semconv, name)
            assert list(bounds) == sorted(set(bounds))
