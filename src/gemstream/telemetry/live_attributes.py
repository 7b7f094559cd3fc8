"""What the events of a Live session say, as attributes of OpenTelemetry; never what anybody said.

The conventions have a span for each generation of a session, and none for the session itself, which
is mostly idle. Ours is there all the same: its tries, losses and totals have no other place.
Source: docs/gen-ai/gen-ai-realtime-spans.md of the GenAI conventions.
"""

from __future__ import annotations

from . import semconv
from .attributes import ATTEMPTS, OUTCOME, Attributes, error_type, usage_attributes
from .events import Outcome
from .live_events import (
    LiveDisconnected,
    LiveEnded,
    LiveOpened,
    LiveResumed,
    LiveStats,
    LiveTurnEnded,
)
from .tokens import Tokens

__all__ = (
    "RESUMED",
    "STATE_RESTORED",
    "disconnected_attributes",
    "opened_attributes",
    "resumed_attributes",
    "session_attributes",
    "turn_attributes",
)

RESUMED = "gemstream.live.resumed"
STATE_RESTORED = "gemstream.live.state_restored"
_TOOL_CALLS = "gemstream.live.tool_calls"

# The numbers of LiveStats that a session's span has; errors are on its events and in the metrics.
_TOTALS = (
    "messages_sent",
    "messages_received",
    "bytes_sent",
    "bytes_received",
    "turns",
    "interruptions",
    "tool_calls",
    "reconnects",
    "seconds_lost",
)


def turn_attributes(turn: LiveTurnEnded) -> Attributes:
    """Return what came of a turn."""
    told = usage_attributes(Tokens.of(turn.usage), breakdown=True) | {
        OUTCOME: turn.outcome.value,
        semconv.RESPONSE_FINISH_REASONS: (_finish_reason(turn),),
        semconv.RESPONSE_TIME_TO_FIRST_CHUNK: turn.first_output_seconds,
        semconv.ERROR_TYPE: turn.error_type,
        _TOOL_CALLS: turn.tool_calls or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _finish_reason(turn: LiveTurnEnded) -> str:
    """Return the service's word for an end, when it has one; ``error`` stands for a broken turn."""
    if turn.outcome is Outcome.FAILED:
        return "error"
    if turn.reason is not None:
        return turn.reason.lower()
    if turn.interrupted:
        return "interrupted"
    return "stop" if turn.outcome is Outcome.FINISHED else "error"


def opened_attributes(opened: LiveOpened) -> Attributes:
    """Return how long it took until a session stood."""
    return {ATTEMPTS: opened.attempts, "gemstream.live.seconds": opened.seconds}


def disconnected_attributes(lost: LiveDisconnected) -> Attributes:
    """Return how a connection ended; the words of the close are left out."""
    return {"gemstream.live.close_code": lost.code, "gemstream.live.is_planned": lost.is_planned}


def resumed_attributes(resumed: LiveResumed) -> Attributes:
    """Return what another connection restored, and what it may have cost."""
    return {
        STATE_RESTORED: resumed.state_restored,
        "gemstream.live.turn_is_lost": resumed.turn_is_lost,
        "gemstream.live.may_be_lost": resumed.may_be_lost + resumed.forgotten,
        "gemstream.live.repeated": resumed.repeated,
        "gemstream.live.seconds": resumed.gap,
        ATTEMPTS: resumed.attempts,
    }


def session_attributes(end: LiveEnded) -> Attributes:
    """Return what came of a session, and its totals."""
    failure = {} if end.error is None else {semconv.ERROR_TYPE: error_type(end.error)}
    return {OUTCOME: end.outcome.value, **failure, **_totals(end.stats)}


def _totals(stats: LiveStats) -> Attributes:
    return {f"gemstream.live.{name}": getattr(stats, name) for name in _TOTALS}
