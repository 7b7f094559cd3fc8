"""The events of Live sessions, written by hand."""

from __future__ import annotations

from typing import Any

from gemstream.errors import SessionClosedError
from gemstream.telemetry import (
    Event,
    LiveDisconnected,
    LiveEnded,
    LiveOpened,
    LiveResumed,
    LiveStarted,
    LiveStats,
    LiveTurnEnded,
    Outcome,
)

__all__ = ("MODEL", "SESSION", "TURN", "lost_session", "session", "turn")

MODEL = "gemini-3.8-live"
SESSION = {
    "gen_ai.operation.name": "live",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": MODEL,
    "server.address": "generativelanguage.googleapis.com",
    "server.port": 443,
}
TURN = SESSION | {"gen_ai.operation.name": "realtime_inference"}

_SPOKEN = LiveStats(
    messages_sent=5,
    messages_received=40,
    bytes_sent=500,
    bytes_received=9000,
    turns=1,
    interruptions=1,
    tool_calls=2,
)
_WHOLE = LiveStats(
    messages_sent=7,
    messages_received=60,
    bytes_sent=700,
    bytes_received=9900,
    turns=1,
    interruptions=1,
    tool_calls=2,
    reconnects=1,
    seconds_lost=0.5,
    errors={"1011": 1, "1008": 1},
)
_USED = {
    "prompt_token_count": 30,
    "candidates_token_count": 7,
    "candidates_tokens_details": [{"modality": "AUDIO", "token_count": 7}],
}
CLOSED = SessionClosedError("private words of the service", code=1008, reason="private")


def _started(call: int) -> list[Event]:
    return [
        LiveStarted(
            call=call,
            at=100.0,
            operation="bidiGenerateContent",
            model=MODEL,
            provider="gcp.gemini",
            server_address="generativelanguage.googleapis.com",
            server_port=443,
            resumed=True,
        ),
        LiveOpened(call=call, at=100.25, attempts=1, seconds=0.25),
    ]


def turn(call: int = 1, **told: Any) -> LiveTurnEnded:
    """Return the end of a turn of two seconds whose first output came after a quarter."""
    fields: dict[str, Any] = {
        "at": 103.0,
        "number": 1,
        "outcome": Outcome.FINISHED,
        "asked": True,
        "seconds": 2.0,
        "first_output_seconds": 0.25,
        "interrupted": True,
        "tool_calls": 2,
        "reason": None,
        "error_type": None,
        "usage": _USED,
        "stats": _SPOKEN,
    }
    return LiveTurnEnded(call=call, **(fields | told))


def session(call: int = 1) -> list[Event]:
    """Return a session of one turn that is closed here."""
    end = LiveEnded(
        call=call, at=110.0, outcome=Outcome.STOPPED, error=None, seconds=10.0, stats=_SPOKEN
    )
    return [*_started(call), turn(call), end]


def lost_session(call: int = 1) -> list[Event]:
    """Return a session of one turn, that loses a connection with another turn, and then itself."""
    resumed = LiveResumed(
        call=call,
        at=105.5,
        state_restored=False,
        turn_is_lost=True,
        may_be_lost=2,
        forgotten=1,
        repeated=3,
        history_turns=4,
        gap=0.5,
        attempts=2,
    )
    end = LiveEnded(
        call=call, at=110.0, outcome=Outcome.FAILED, error=CLOSED, seconds=10.0, stats=_WHOLE
    )
    lost = turn(call, outcome=Outcome.FAILED, error_type="1011", first_output_seconds=None)
    return [
        *_started(call),
        turn(call),
        LiveDisconnected(call=call, at=105.0, code=1011, is_planned=False),
        lost,
        resumed,
        end,
    ]
