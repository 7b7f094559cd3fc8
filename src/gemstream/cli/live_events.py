"""What happens in a Live session as lines of JSON; pure.

The names are stable within one version of the schema; a later version of gemstream may add some.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..audio.pcm import rate_of, seconds
from ..client.live import events
from ..client.live.events import SessionEvent
from ..errors import GemstreamError
from ..policy.usage import usage_fields
from ..wire.codec import to_plain
from .summary import error_fields

__all__ = ("LiveOutcome", "end_fields", "event_fields", "event_name")

_SCHEMA = "gemstream.live/1"
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class LiveOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a session ended: after so many answers, with a handle to go on from, by an error.

    ``lost``: answers that broke off with their connection, while the session went on.
    ``is_stopped``: the user ended it with Ctrl-C. ``dropped``: seconds of the microphone that were
    too old to be sent when their turn came.
    """

    model: str | None = None
    turns: int = 0
    lost: int = 0
    handle: str | None = None
    error: GemstreamError | None = None
    is_stopped: bool = False
    dropped: float = 0.0


def event_name(event: SessionEvent) -> str:
    """Return the event's kind as ``output_transcribed``."""
    return _CAPITAL.sub("_", type(event).__name__).lower()


def event_fields(at_ms: float, event: SessionEvent) -> dict[str, Any]:
    """Return the line of an event, ``at_ms`` after the question; of sound it has the length."""
    more = _FIELDS.get(type(event), lambda _: {})(event)
    return {"schema": _SCHEMA, "event": event_name(event), "at_ms": at_ms, **more}


def end_fields(outcome: LiveOutcome) -> dict[str, Any]:
    """Return the last line; a failure has ``error`` beside the rest."""
    fields: dict[str, Any] = {
        "schema": _SCHEMA,
        "event": "end",
        "model": outcome.model,
        "turns": outcome.turns,
        "lost": outcome.lost,
        "handle": outcome.handle,
        "stopped": outcome.is_stopped,
    }
    if outcome.error is not None:
        fields["error"] = error_fields(outcome.error)
    return fields


def _text(event: events.Text | events.Thought | events.OutputTranscribed) -> dict[str, Any]:
    return {"text": event.text}


def _input(event: events.InputTranscribed) -> dict[str, Any]:
    return {"text": event.text, "interim": event.interim}


def _audio(event: events.Audio) -> dict[str, Any]:
    lasts = seconds(event.data, rate_of(event.mime_type))
    return {"mime_type": event.mime_type, "bytes": len(event.data), "seconds": round(lasts, 6)}


def _turn_end(event: events.TurnCompleted) -> dict[str, Any]:
    return {} if event.reason is None else {"reason": event.reason}


_FIELDS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    events.Text: _text,
    events.Thought: _text,
    events.OutputTranscribed: _text,
    events.InputTranscribed: _input,
    events.Audio: _audio,
    events.OtherPart: lambda event: {"part": to_plain(event.part)},
    events.Grounded: lambda event: {
        "grounding": to_plain(event.grounding),
        "url_context": to_plain(event.url_context),
    },
    events.ToolCalled: lambda event: {"calls": [to_plain(call) for call in event.calls]},
    events.ToolCallCancelled: lambda event: {"ids": list(event.ids)},
    events.UsageReported: lambda event: {"usage": usage_fields(event.usage)},
    events.TurnCompleted: _turn_end,
    events.GoingAway: lambda event: {"time_left": event.time_left},
    events.ResumptionUpdated: lambda event: {
        "handle": event.handle,
        "resumable": event.resumable,
    },
    events.Disconnected: lambda event: {
        "code": event.code,
        "reason": event.reason,
        "planned": event.is_planned,
    },
    events.Resumed: lambda event: {
        "state_restored": event.state_restored,
        "turn_is_lost": event.turn_is_lost,
        "may_be_lost": len(event.may_be_lost) + event.forgotten,
        "repeated": event.repeated,
        "gap": event.gap,
    },
    events.VoiceActivityHeard: lambda event: {"type": event.type, "offset": event.offset},
    events.UnknownFields: lambda event: {"path": event.path, "fields": event.fields},
}
