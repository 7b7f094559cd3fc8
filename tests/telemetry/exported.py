"""What OpenTelemetry was given, read back plain, so that a test compares whole tables."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gemstream import OpenTelemetry

__all__ = ("Exported", "plain_span")


class Exported:
    """Providers that keep everything, and what they kept."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._metrics = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._metrics], shutdown_on_exit=False)
        self._logs = InMemoryLogRecordExporter()
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    def hook(self, **options: Any) -> OpenTelemetry:
        """Return our hook over these providers."""
        return OpenTelemetry(
            self.tracer_provider,
            self.meter_provider,
            logger_provider=self.logger_provider,
            **options,
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in the order they did."""
        return list(self._spans.get_finished_spans())

    @property
    def span(self) -> dict[str, Any]:
        """The one span, plain."""
        (span,) = self.spans
        return plain_span(span)

    @property
    def metrics(self) -> dict[str, list[tuple[dict[str, Any], float]]]:
        """Name → attributes and sum of each point."""
        return {
            metric.name: [
                (dict(point.attributes), _value(point)) for point in metric.data.data_points
            ]
            for metric in self.instruments
        }

    @property
    def instruments(self) -> list[Any]:
        """The metrics as the SDK collects them."""
        data = self._metrics.get_metrics_data()
        if data is None:
            return []
        return [
            metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    @property
    def logs(self) -> list[Any]:
        """The log records."""
        return [item.log_record for item in self._logs.get_finished_logs()]

    def everything(self) -> str:
        """All that was exported, as one text to look for secrets in."""
        spans = [span.to_json() for span in self.spans]
        logs = [json.dumps(dict(log.attributes), default=str) for log in self.logs]
        return "\n".join([*spans, *logs, repr(self.metrics)])


def plain_span(span: ReadableSpan) -> dict[str, Any]:
    """Return what is told of a span, its ids and times left out."""
    return {
        "name": span.name,
        "kind": span.kind.name,
        "status": (span.status.status_code.name, span.status.description),
        "attributes": dict(span.attributes or {}),
        "events": [(event.name, dict(event.attributes or {})) for event in span.events],
    }


def _value(point: Any) -> float:
    return point.sum if hasattr(point, "sum") else point.value
