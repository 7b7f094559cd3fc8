"""What happens in a Live session, by the names that programs match on."""

from __future__ import annotations

from ...policy.live.resumed import Disconnected, Resumed, SessionEvent
from ...policy.live.server_event import (
    Audio,
    GenerationCompleted,
    GoingAway,
    Grounded,
    InputTranscribed,
    Interrupted,
    OtherPart,
    OutputTranscribed,
    ResumptionUpdated,
    ServerEvent,
    Text,
    Thought,
    ToolCallCancelled,
    ToolCalled,
    TurnCompleted,
    UnknownFields,
    UsageReported,
    VoiceActivityHeard,
    WaitingForInput,
)

__all__ = (
    "Audio",
    "Disconnected",
    "GenerationCompleted",
    "GoingAway",
    "Grounded",
    "InputTranscribed",
    "Interrupted",
    "OtherPart",
    "OutputTranscribed",
    "Resumed",
    "ResumptionUpdated",
    "ServerEvent",
    "SessionEvent",
    "Text",
    "Thought",
    "ToolCallCancelled",
    "ToolCalled",
    "TurnCompleted",
    "UnknownFields",
    "UsageReported",
    "VoiceActivityHeard",
    "WaitingForInput",
)
