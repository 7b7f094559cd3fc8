"""What a call does, told to whoever listens: events, and their names in OpenTelemetry.

The events are here; ``OpenTelemetry`` loads with ``from gemstream import OpenTelemetry``, so that a
client without it does not pay for it.
"""

from __future__ import annotations

from .decision import Decision, Verdict
from .events import (
    AttemptFailed,
    AttemptStarted,
    CallEnded,
    CallStarted,
    ChunkReceived,
    Event,
    Hook,
    HopStarted,
    LimitDecided,
    Outcome,
    combined,
    guarded,
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

__all__ = (
    "AttemptFailed",
    "AttemptStarted",
    "CallEnded",
    "CallStarted",
    "ChunkReceived",
    "Decision",
    "Event",
    "Hook",
    "HopStarted",
    "LimitDecided",
    "LiveDisconnected",
    "LiveEnded",
    "LiveOpened",
    "LiveResumed",
    "LiveStarted",
    "LiveStats",
    "LiveTurnEnded",
    "Outcome",
    "Verdict",
    "combined",
    "guarded",
)
