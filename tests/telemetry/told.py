"""The events of calls, written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gemstream.errors import GemstreamError, ResourceExhausted
from gemstream.telemetry import (
    AttemptFailed,
    AttemptStarted,
    CallEnded,
    CallStarted,
    ChunkReceived,
    Decision,
    Event,
    Hook,
    HopStarted,
    LimitDecided,
    Outcome,
    Verdict,
)

__all__ = (
    "IDENTITY",
    "QUOTA",
    "decided",
    "ended",
    "failed_once",
    "one_call",
    "started",
    "stream",
    "tell",
    "waited",
)

IDENTITY = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": "gemini-2.5-flash",
    "server.address": "generativelanguage.googleapis.com",
    "server.port": 443,
}
QUOTA = ResourceExhausted("private words of the service", code=429, status="RESOURCE_EXHAUSTED")


def started(call: int = 1, **told: Any) -> CallStarted:
    """Return the start of a call, of generateContent unless told otherwise."""
    fields: dict[str, Any] = {
        "at": 100.0,
        "operation": "generateContent",
        "model": "gemini-2.5-flash",
        "provider": "gcp.gemini",
        "server_address": "generativelanguage.googleapis.com",
        "server_port": 443,
        "streams": False,
        "parameters": {},
    }
    return CallStarted(call=call, **(fields | told))


def ended(call: int = 1, outcome: Outcome = Outcome.FINISHED, **told: Any) -> CallEnded:
    """Return the end of a call of two seconds."""
    return CallEnded(call=call, **({"at": 102.0, "outcome": outcome, "seconds": 2.0} | told))


def one_call(start: dict[str, Any] | None = None, **end: Any) -> list[Event]:
    """Return a call that begins and ends."""
    return [started(**(start or {})), ended(**end)]


def stream(call: int = 1) -> list[Event]:
    """Return a stream of three chunks, the last after a continuation."""
    return [
        started(call, operation="streamGenerateContent", streams=True),
        AttemptStarted(call=call, at=100.0, attempt=1, headers={}),
        ChunkReceived(call=call, at=100.25, number=1),
        ChunkReceived(call=call, at=100.5, number=2),
        HopStarted(call=call, at=100.75, hop=2),
        AttemptStarted(call=call, at=100.75, attempt=1, headers={}),
        ChunkReceived(call=call, at=101.5, number=3),
        ended(call, attempts=2, chunks=3, first_chunk_seconds=0.25, finish_reasons=("STOP",)),
    ]


def failed_once(error: GemstreamError = QUOTA) -> list[Event]:
    """Return a call that is tried again after a failure and then fails for good."""
    return [
        started(),
        AttemptStarted(call=1, at=100.0, attempt=1, headers={}),
        AttemptFailed(call=1, at=100.5, attempt=1, error=error, retry_in=1.5),
        AttemptStarted(call=1, at=102.0, attempt=2, headers={}),
        AttemptFailed(call=1, at=102.0, attempt=2, error=error, retry_in=None),
        ended(outcome=Outcome.FAILED, error=error, attempts=2),
    ]


def decided(verdict: Verdict, call: int = 1, **facts: Any) -> LimitDecided:
    """Return a decision about the call's account and model."""
    scope, setting = "https://service|key-private|gemini-2.5-flash", "tier free, /home/me/file:3"
    decision = Decision(verdict=verdict, scope=scope, setting=setting, **facts)
    return LimitDecided(call=call, at=100.0, decision=decision)


def waited() -> list[Event]:
    """Return a call that waits behind two others for its turn, 1.5 s."""
    return [
        started(),
        decided(Verdict.WAITING, quota="rpm", amount=10, delay=1.25, ahead=2),
        decided(Verdict.GRANTED, delay=1.5, ahead=2),
        AttemptStarted(call=1, at=101.5, attempt=1, headers={}),
        ended(attempts=1),
    ]


def tell(hook: Hook, events: Iterable[Event]) -> None:
    """Tell a hook events in turn."""
    for event in events:
        hook(event)
