"""A hook that turns the events of calls into OpenTelemetry's spans and measurements.

One CLIENT span for each call and each Live session, under the span that is current where it is
made, and one for each turn under its session's. Names are in ``semconv``. Prompts, answers and the
words of errors are left out unless asked for; keys and headers are never seen here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec

from .. import __version__
from ..errors import ConfigError
from . import semconv
from .attributes import (
    OUTCOME,
    Attributes,
    ended_attributes,
    error_sentence,
    identity,
    limit_attributes,
    operation_of,
    request_attributes,
    retry_attributes,
)
from .capture import ContentCapture
from .decision import Verdict
from .events import (
    AttemptFailed,
    AttemptStarted,
    CallEnded,
    CallStarted,
    ChunkReceived,
    Event,
    HopStarted,
    LimitDecided,
)
from .instruments import Instruments, wants_latest
from .live_events import LiveEnded, LiveStarted
from .live_spans import LiveSpans
from .messages import request_messages, response_messages
from .open_calls import MAX_OPEN, OpenCall, OpenCalls

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ("OpenTelemetry",)

_SCOPE = "gemstream"
# Events of the span; the conventions have no names for them.
FIRST_CHUNK = "gemstream.first_chunk"
RETRY = "gemstream.retry"
HOP = "gemstream.hop"
LIMIT = "gemstream.limit"


class OpenTelemetry:
    """Record calls and Live sessions with OpenTelemetry: ``AsyncClient(on_event=OpenTelemetry())``.

    ``tracer_provider``, ``meter_provider``, ``logger_provider``: None takes the global ones.
    ``propagate``: send ``traceparent`` and ``tracestate`` along with every request; off by default,
    because Google has no use for them. ``capture_content``: where prompts and answers are recorded,
    a ``ContentCapture`` or its name; None asks the environment, whose default is nowhere; what is
    said in sessions is not. ``max_open``: how many calls and sessions may be under way; beyond it
    the oldest span ends as ``lost``.

    One object may serve many clients, in many threads. Raises ConfigError when opentelemetry-api is
    not installed, or ``capture_content`` is no such name. The environment is read here and once.
    """

    __slots__ = (
        "_capture",
        "_instruments",
        "_live",
        "_log",
        "_open",
        "_propagate",
        "_trace",
        "_tracer",
    )

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        logger_provider: LoggerProvider | None = None,
        propagate: bool = False,
        capture_content: ContentCapture | str | None = None,
        max_open: int = MAX_OPEN,
    ) -> None:
        self._capture = ContentCapture.of(capture_content)
        self._trace, metrics, logs, propagation = _import_api()
        self._tracer = self._trace.get_tracer(_SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider)
        self._instruments = Instruments(meter, latest=wants_latest())
        self._live = LiveSpans(
            self._trace, self._tracer, meter, self._instruments, tells_words=self._capture.in_span
        )
        self._log = _Log(logs, logger_provider) if self._capture.in_event else None
        self._propagate: Callable[..., None] | None = None
        if propagate:
            self._propagate = propagation.TraceContextTextMapPropagator().inject
        self._open = OpenCalls(max_open)

    def __call__(self, event: Event) -> None:
        """Take one event; events of a call whose start was not seen say nothing."""
        if isinstance(event, CallStarted):
            self._start(event)
        elif isinstance(event, CallEnded):
            if call := self._open.remove(event.call):
                self._end(call, event)
        elif isinstance(event, LiveStarted):
            self._keep(event.call, self._live.start(event))
        elif isinstance(event, LiveEnded):
            if session := self._open.remove(event.call):
                self._live.end(session, event)
        elif (call := self._open.find(event.call)) and not self._live.take(call, event):
            _DURING[type(event)](self, call, event)

    def _start(self, start: CallStarted) -> None:
        known, asked = identity(start), request_attributes(start)
        span = self._tracer.start_span(
            f"{operation_of(start)} {start.model}",
            kind=self._trace.SpanKind.CLIENT,
            attributes=known | asked,
        )
        said = request_messages(self._said(start.content, span.is_recording()))
        if self._capture.in_span:
            span.set_attributes(_as_json(said))
        context = self._trace.set_span_in_context(span)
        # A prompt may hold megabytes of pictures: it is kept only for the log at the end.
        kept = {} if self._log is None else said
        self._keep(start.call, OpenCall(span, context, known, asked, kept))

    def _keep(self, number: int, call: OpenCall) -> None:
        lost = self._open.add(number, call)
        if lost is not None:
            lost.span.set_attribute(OUTCOME, "lost")
            lost.span.end()

    def _attempt(self, call: OpenCall, event: AttemptStarted) -> None:
        if self._propagate is not None:
            self._propagate(event.headers, call.context)

    def _failure(self, call: OpenCall, event: AttemptFailed) -> None:
        # A failure without a next attempt is the call's own and told by its end.
        if event.retry_in is not None:
            call.span.add_event(RETRY, retry_attributes(event))

    def _chunk(self, call: OpenCall, event: ChunkReceived) -> None:
        if call.last_chunk_at is None:
            call.span.add_event(FIRST_CHUNK)
        else:
            self._instruments.chunk_gap(event.at - call.last_chunk_at, call.identity)
        call.last_chunk_at = event.at

    def _hop(self, call: OpenCall, event: HopStarted) -> None:
        call.span.add_event(HOP, {HOP: event.hop})

    def _limit(self, call: OpenCall, event: LimitDecided) -> None:
        decision = event.decision
        self._instruments.decided(decision, call.identity, call.context)
        if decision.verdict is not Verdict.GRANTED or decision.delay:
            call.span.add_event(LIMIT, limit_attributes(decision))

    def _end(self, call: OpenCall, end: CallEnded) -> None:
        try:
            told = ended_attributes(end, call.identity[semconv.OPERATION_NAME])
            call.span.set_attributes(told)
            if end.error is not None:
                words = str(end.error) if self._capture.in_span else error_sentence(end.error)
                call.span.set_status(self._trace.StatusCode.ERROR, words)
            self._instruments.ended(end, call.identity, call.context)
            said = response_messages(self._said(end.content, call.span.is_recording()))
            if self._capture.in_span:
                call.span.set_attributes(_as_json(said))
            if self._log is not None:
                self._log.details(call, told, {**call.said, **said})
        finally:
            call.span.end()

    def _said(self, content: Callable[[], Any] | None, is_recording: bool) -> Any:
        """The JSON of a request or answer when it is wanted, else None."""
        wanted = self._log is not None or (self._capture.in_span and is_recording)
        return content() if content is not None and wanted else None


_DURING: Mapping[type[Event], Callable[[OpenTelemetry, OpenCall, Any], None]] = {
    AttemptStarted: OpenTelemetry._attempt,
    AttemptFailed: OpenTelemetry._failure,
    ChunkReceived: OpenTelemetry._chunk,
    HopStarted: OpenTelemetry._hop,
    LimitDecided: OpenTelemetry._limit,
}


class _Log:
    """Writes what was said to the log, beside the spans."""

    __slots__ = ("_logger", "_logs")

    def __init__(self, logs: ModuleType, provider: LoggerProvider | None) -> None:
        self._logs = logs
        self._logger = logs.get_logger(_SCOPE, __version__, logger_provider=provider)

    def details(self, call: OpenCall, told: Attributes, said: Mapping[str, Any]) -> None:
        """Write one event, its messages as they are: a log holds nested values."""
        record = self._logs.LogRecord(
            context=call.context,
            attributes={**call.identity, **call.asked, **told, **said},
            event_name=semconv.INFERENCE_DETAILS,
        )
        self._logger.emit(record)


def _as_json(said: Mapping[str, Any]) -> dict[str, str]:
    """Attributes of a span hold no nested values, so the conventions take JSON there."""
    return {name: msgspec.json.encode(value).decode() for name, value in said.items()}


def _import_api() -> tuple[ModuleType, ModuleType, ModuleType, ModuleType]:
    try:
        from opentelemetry import _logs, metrics, trace
        from opentelemetry.trace.propagation import tracecontext
    except ImportError as error:
        raise ConfigError(
            "OpenTelemetry needs opentelemetry-api: pip install 'gemstream[otel]'"
        ) from error
    return trace, metrics, _logs, tracecontext
