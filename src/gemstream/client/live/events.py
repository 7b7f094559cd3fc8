"""What happens in a Live session, by the names that programs match on."""

from __future__ import annotations

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
    "GenerationCompleted",
    "GoingAway",
    "Grounded",
    "InputTranscribed",
    "Interrupted",
    "OtherPart",
    "OutputTranscribed",
    "ResumptionUpdated",
    "ServerEvent",
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
