"""The measurements of Live sessions for which the GenAI conventions have no instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import semconv
from .attributes import Attributes, error_type
from .live_attributes import STATE_RESTORED
from .live_events import LiveEnded, LiveResumed, LiveStats

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

__all__ = ("LiveInstruments",)

# Seconds: a word or two, a talk, the ten minutes of a connection, a day.
_SESSION_BUCKETS = (1, 5, 15, 60, 300, 600, 1800, 3600, 7200, 21600, 86400)


class LiveInstruments:
    """Records what sessions did; counters go on at the end of each turn and of the session.

    ``identity`` and ``context`` are the session's.
    """

    __slots__ = ("_bytes", "_errors", "_interruptions", "_messages", "_outage", "_seconds")

    def __init__(self, meter: Meter) -> None:
        self._messages = meter.create_counter(
            "gemstream.live.messages",
            unit="{message}",
            description="WebSocket messages of Live sessions.",
        )
        self._bytes = meter.create_counter(
            "gemstream.live.bytes", unit="By", description="Bytes in these messages."
        )
        self._interruptions = meter.create_counter(
            "gemstream.live.interruptions",
            unit="{interruption}",
            description="Turns that the user cut short.",
        )
        self._errors = meter.create_counter(
            "gemstream.live.errors",
            unit="{error}",
            description="Lost connections, failed tries for one, and what ended sessions.",
        )
        self._outage = meter.create_histogram(
            "gemstream.live.outage.duration",
            unit="s",
            description="Time a session was without a connection before it went on in another.",
            explicit_bucket_boundaries_advisory=list(semconv.DURATION_BUCKETS),
        )
        self._seconds = meter.create_histogram(
            "gemstream.live.session.duration",
            unit="s",
            description="Time from the start of a session to its end.",
            explicit_bucket_boundaries_advisory=list(_SESSION_BUCKETS),
        )

    def counted(
        self, stats: LiveStats, before: LiveStats, identity: Attributes, context: Context
    ) -> None:
        """Record what was counted since ``before``."""
        sent = identity | {semconv.NETWORK_DIRECTION: "transmit"}
        received = identity | {semconv.NETWORK_DIRECTION: "receive"}
        for counter, told, more in (
            (self._messages, sent, stats.messages_sent - before.messages_sent),
            (self._messages, received, stats.messages_received - before.messages_received),
            (self._bytes, sent, stats.bytes_sent - before.bytes_sent),
            (self._bytes, received, stats.bytes_received - before.bytes_received),
            (self._interruptions, identity, stats.interruptions - before.interruptions),
        ):
            if more:
                counter.add(more, told, context)
        for kind, count in stats.errors.items():
            if more := count - before.errors.get(kind, 0):
                self._errors.add(more, identity | {semconv.ERROR_TYPE: kind}, context)

    def resumed(self, event: LiveResumed, identity: Attributes, context: Context) -> None:
        """Record a change of connections: its count is the number of reconnects."""
        told = identity | {STATE_RESTORED: event.state_restored}
        self._outage.record(event.gap, told, context)

    def ended(self, end: LiveEnded, identity: Attributes, context: Context) -> None:
        """Record how long the session lasted, and how it ended."""
        failure = {} if end.error is None else {semconv.ERROR_TYPE: error_type(end.error)}
        self._seconds.record(end.seconds, identity | failure, context)
