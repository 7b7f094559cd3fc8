"""Turns the events of Live sessions into spans: one for each session, one in it for each turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import semconv
from .attributes import error_sentence, identity
from .events import Event, Outcome
from .instruments import Instruments
from .live_attributes import (
    RESUMED,
    disconnected_attributes,
    opened_attributes,
    resumed_attributes,
    session_attributes,
    turn_attributes,
)
from .live_events import (
    LiveDisconnected,
    LiveEnded,
    LiveOpened,
    LiveResumed,
    LiveStarted,
    LiveStats,
    LiveTurnEnded,
)
from .live_instruments import LiveInstruments
from .open_calls import OpenCall

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

__all__ = ("LiveSpans",)

OPENED = "gemstream.live.opened"
DISCONNECTED = "gemstream.live.disconnected"
RECONNECTED = "gemstream.live.reconnected"


class LiveSpans:
    """Begins and ends the spans of sessions, each of which is an ``OpenCall`` meanwhile.

    ``tells_words``: the words of an error may be in a span.
    """

    __slots__ = ("_instruments", "_live", "_tells_words", "_trace", "_tracer")

    def __init__(
        self,
        trace: ModuleType,
        tracer: Tracer,
        meter: Meter,
        instruments: Instruments,
        *,
        tells_words: bool,
    ) -> None:
        self._trace = trace
        self._tracer = tracer
        self._instruments = instruments
        self._live = LiveInstruments(meter)
        self._tells_words = tells_words

    def start(self, start: LiveStarted) -> OpenCall:
        """Return the session that begins, its span under the one that is current here."""
        known, asked = identity(start), {RESUMED: start.resumed}
        name = f"{known[semconv.OPERATION_NAME]} {start.model}".rstrip()
        span = self._tracer.start_span(
            name, kind=self._trace.SpanKind.CLIENT, attributes=known | asked
        )
        return OpenCall(span, self._trace.set_span_in_context(span), known, asked, {})

    def take(self, session: OpenCall, event: Event) -> bool:
        """Take an event of a session; False for one that is not about sessions alone."""
        note = _NOTES.get(type(event))
        if note is None:
            return False
        note(self, session, event)
        return True

    def end(self, session: OpenCall, end: LiveEnded) -> None:
        """Take the end of a session."""
        try:
            session.span.set_attributes(session_attributes(end))
            if end.error is not None:
                words = str(end.error) if self._tells_words else error_sentence(end.error)
                session.span.set_status(self._trace.StatusCode.ERROR, words)
            self._count(session, end.stats)
            self._live.ended(end, session.identity, session.context)
        finally:
            session.span.end()

    def _opened(self, session: OpenCall, event: LiveOpened) -> None:
        session.span.add_event(OPENED, opened_attributes(event))

    def _turn(self, session: OpenCall, turn: LiveTurnEnded) -> None:
        """Tell a turn by a span that is over already: it is known only now that there was one."""
        known = session.identity | {semconv.OPERATION_NAME: semconv.REALTIME_INFERENCE}
        ended_at = time.time_ns()
        span = self._tracer.start_span(
            f"{semconv.REALTIME_INFERENCE} {known[semconv.REQUEST_MODEL]}".rstrip(),
            context=session.context,
            kind=self._trace.SpanKind.CLIENT,
            attributes=known | turn_attributes(turn),
            start_time=ended_at - int(turn.seconds * 1e9),
        )
        if turn.outcome is Outcome.FAILED:
            span.set_status(self._trace.StatusCode.ERROR, f"lost to {turn.error_type}")
        context = self._trace.set_span_in_context(span)
        self._instruments.turn_ended(turn, known, context)
        span.end(ended_at)
        self._count(session, turn.stats)

    def _disconnected(self, session: OpenCall, event: LiveDisconnected) -> None:
        session.span.add_event(DISCONNECTED, disconnected_attributes(event))

    def _resumed(self, session: OpenCall, event: LiveResumed) -> None:
        session.span.add_event(RECONNECTED, resumed_attributes(event))
        self._live.resumed(event, session.identity, session.context)

    def _count(self, session: OpenCall, stats: LiveStats) -> None:
        before = session.counted or LiveStats()
        session.counted = stats
        self._live.counted(stats, before, session.identity, session.context)


_NOTES: Mapping[type[Event], Callable[[LiveSpans, OpenCall, Any], None]] = {
    LiveOpened: LiveSpans._opened,
    LiveTurnEnded: LiveSpans._turn,
    LiveDisconnected: LiveSpans._disconnected,
    LiveResumed: LiveSpans._resumed,
}
