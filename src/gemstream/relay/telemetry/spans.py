"""Requests as OpenTelemetry's spans: a SERVER span for each, and a CLIENT span for each attempt.

The trace of the caller is continued when its ``traceparent`` is valid; it is not sent on, for the
service has no use for it. Attempts have the names and attributes of the GenAI conventions. Nothing
that anybody wrote is told: of a model its name if it is known, of an error its code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from ... import __version__
from ...errors import ConfigError
from ...telemetry import semconv
from ...telemetry.attributes import ATTEMPTS, CHUNKS, OUTCOME, Attributes, usage_attributes
from ...telemetry.tokens import Tokens
from ...wire.usage import UsageMetadata
from ..ledger.attempt import AttemptStatus
from ..observer import AttemptEnded, End, RequestBegan, RequestEnded
from .cleaning import clean
from .known_models import KnownModels
from .trace_context import trace_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

__all__ = ("CLIENT_ABORT", "COMMIT", "FIRST_BYTE", "RETRY", "Spans")

FIRST_BYTE = "first_byte"
COMMIT = "commit"
"""The first content goes down: no other account is asked from here on."""
RETRY = "retry"
CLIENT_ABORT = "client_abort"

_SCOPE = "gemstream.relay"
_PROVIDER = "gcp.gemini"
_UNKNOWN = "relay"
_STATUS_CODE = "http.response.status_code"
_DETAILS = "details"
_WELL = (End.STOP, End.REFUSED, End.CLIENT_ABORT)


class _Open(msgspec.Struct, frozen=True):
    """A request's span, and the context that its attempts stand in."""

    span: Any
    context: Any


class Spans:
    """Traces with ``provider``, None for the global one; ``models``: what may be named.

    Without an SDK set up in the process, OpenTelemetry's own no-ops take the calls. Raises
    ConfigError when opentelemetry-api is not installed.
    """

    __slots__ = ("_models", "_open", "_trace", "_tracer")

    def __init__(
        self, models: Callable[[], KnownModels], provider: TracerProvider | None = None
    ) -> None:
        self._trace = _api()
        self._tracer = self._trace.get_tracer(_SCOPE, __version__, provider)
        self._models = models
        self._open: dict[str, _Open] = {}

    def trace_id(self, request_id: str) -> str:
        """Return the trace of a request under way, in hex; ``""`` when it is in none."""
        found = self._open.get(request_id)
        context = None if found is None else found.span.get_span_context()
        return f"{context.trace_id:032x}" if context is not None and context.is_valid else ""

    def request_began(self, fact: RequestBegan) -> None:
        """Open the request's span."""
        span = self._tracer.start_span(
            _UNKNOWN,
            context=self._parent(fact.headers),
            kind=self._trace.SpanKind.SERVER,
            attributes={
                "gemstream.request_id": fact.request_id,
                "gemstream.surface": fact.surface,
            },
        )
        self._open[fact.request_id] = _Open(span, self._trace.set_span_in_context(span))

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Make the attempt's span, from its beginning to now."""
        request = self._open.get(fact.request_id)
        if request is None:
            return
        until = time.time_ns()
        since = until - _ns(fact.duration)
        operation = semconv.OPERATION_NAMES.get(fact.operation, fact.operation)
        model = self._models().label(fact.model)
        if fact.after is not None:
            request.span.add_event(
                RETRY,
                {"gemstream.attempt": fact.settlement.number, "gemstream.after": fact.after.value},
                since,
            )
        span: Span = self._tracer.start_span(
            f"{operation} {model}".strip(),
            context=request.context,
            kind=self._trace.SpanKind.CLIENT,
            attributes=_attempt_attributes(fact, operation, model),
            start_time=since,
        )
        if fact.first_chunk is not None:
            first = since + _ns(fact.first_chunk)
            span.add_event(FIRST_BYTE, timestamp=first)
            request.span.add_event(COMMIT, timestamp=first)
        settlement = fact.settlement
        if settlement.status is AttemptStatus.CLIENT_CANCEL:
            span.add_event(CLIENT_ABORT)
        elif settlement.status is not AttemptStatus.OK:
            words = clean(settlement.error or settlement.status.value)
            span.set_status(self._trace.StatusCode.ERROR, words)
        span.end(until)

    def request_ended(self, fact: RequestEnded) -> None:
        """End the request's span, whose name is known by now."""
        request = self._open.pop(fact.request_id, None)
        if request is None:
            return
        span = request.span
        operation = semconv.OPERATION_NAMES.get(fact.operation, fact.operation)
        model = self._models().label(fact.model)
        span.update_name(f"{operation} {model}".strip() or _UNKNOWN)
        told: Attributes = {
            semconv.OPERATION_NAME: operation or None,
            semconv.REQUEST_MODEL: model or None,
            "gemstream.surface": fact.surface,
            "gemstream.key_id": clean(fact.key_id) or None,
            "gemstream.fault": fact.fault or None,
            "gemstream.overhead": fact.overhead,
            "gemstream.cost_micros": fact.cost,
            _STATUS_CODE: fact.status,
            ATTEMPTS: fact.attempts,
            OUTCOME: fact.end.value,
        }
        span.set_attributes({name: value for name, value in told.items() if value is not None})
        if fact.end is End.CLIENT_ABORT:
            span.add_event(CLIENT_ABORT)
        if fact.end not in _WELL and fact.status not in range(400, 500):
            span.set_status(self._trace.StatusCode.ERROR, fact.fault or fact.end.value)
        span.end()

    def _parent(self, headers: Mapping[str, str]) -> Any:
        """Return the caller's context, or an empty one: what is current here is not theirs."""
        trace = self._trace
        found = trace_of(headers)
        if found is None:
            return trace.set_span_in_context(trace.INVALID_SPAN)
        state = trace.TraceState.from_header([headers.get("tracestate", "")])
        parent = trace.SpanContext(
            trace_id=int(found.trace_id, 16),
            span_id=int(found.span_id, 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(int(found.is_sampled)),
            trace_state=state,
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def _attempt_attributes(fact: AttemptEnded, operation: str, model: str) -> Attributes:
    settlement = fact.settlement
    place = urlsplit(fact.base_url)
    is_generation = operation == semconv.GENERATE_CONTENT
    status = settlement.http_status
    failed = settlement.status not in (AttemptStatus.OK, AttemptStatus.CLIENT_CANCEL)
    told: Attributes = {
        semconv.OPERATION_NAME: operation,
        semconv.PROVIDER_NAME: _PROVIDER,
        semconv.REQUEST_MODEL: model or None,
        semconv.REQUEST_STREAM: True if fact.is_stream else None,
        semconv.SERVER_ADDRESS: place.hostname,
        semconv.SERVER_PORT: place.port or (80 if place.scheme == "http" else 443),
        semconv.RESPONSE_ID: clean(settlement.upstream_id) or None,
        semconv.RESPONSE_MODEL: clean(fact.model_version) or None,
        semconv.RESPONSE_FINISH_REASONS: (clean(settlement.finish_reason.lower()),)
        if settlement.finish_reason
        else None,
        semconv.RESPONSE_TIME_TO_FIRST_CHUNK: fact.first_chunk,
        semconv.ERROR_TYPE: _error_type(status, settlement.error) if failed else None,
        _STATUS_CODE: status,
        "gemstream.attempt": settlement.number,
        "gemstream.account": fact.account_hash,
        "gemstream.commit": fact.commit,
        CHUNKS: settlement.chunks,
        OUTCOME: settlement.status.value,
    }
    known = {name: value for name, value in told.items() if value is not None}
    if settlement.usage is None:
        return known
    tokens = Tokens.of(_plain(settlement.usage))
    return known | usage_attributes(tokens, breakdown=is_generation)


def _error_type(status: int | None, error: str) -> str:
    return str(status) if status is not None and status >= 400 else clean(error) or "_OTHER"


def _plain(usage: UsageMetadata) -> dict[str, Any]:
    """Return the counts under their names in Python."""
    found: dict[str, Any] = {}
    for name in usage.__struct_fields__:
        value = getattr(usage, name)
        if name.endswith(_DETAILS) and value is not None:
            value = [{"modality": one.modality, "token_count": one.token_count} for one in value]
        found[name] = value
    return found


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _api() -> ModuleType:
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise ConfigError(
            "tracing needs opentelemetry-api: pip install 'gemstream[otel]'"
        ) from error
    return trace
