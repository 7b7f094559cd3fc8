"""What happens in a Live session as its server sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ...wire.content import Content, FunctionResponse
from ...wire.live.client_message import ContextUpdate
from ...wire.live.setup import LiveSetup
from .server_event import Audio, Closed, Event, ToolCallCancelled, UnknownFields

__all__ = (
    "ActivityEnded",
    "ActivityStarted",
    "AudioStreamEnded",
    "ClientEvent",
    "ContentGiven",
    "ContextChanged",
    "SetUp",
    "TextGiven",
    "ToolResponded",
    "VideoGiven",
)


class SetUp(Event, frozen=True, gc=False):
    """The client asks for a session; nothing may be said before the setup is complete."""

    setup: LiveSetup


class ContentGiven(Event, frozen=True, gc=False):
    """Turns of the conversation.

    ``turn_complete``: the model is to answer, or with ``is_history`` only to remember.
    """

    turns: Sequence[Content]
    turn_complete: bool = False
    is_history: bool = False


class TextGiven(Event, frozen=True, gc=False):
    """The user's words in writing, as they happen."""

    text: str


class VideoGiven(Event, frozen=True, gc=False):
    """One picture of what the user shows."""

    data: bytes
    mime_type: str = ""


class ActivityStarted(Event, frozen=True, gc=False):
    """The client says that the user begins to speak."""


class ActivityEnded(Event, frozen=True, gc=False):
    """The client says that the user has stopped."""


class AudioStreamEnded(Event, frozen=True, gc=False):
    """The microphone pauses."""


class ToolResponded(Event, frozen=True, gc=False):
    """What functions returned, and ``late`` what came after its call had been cancelled."""

    responses: Sequence[FunctionResponse]
    late: Sequence[FunctionResponse] = ()


class ContextChanged(Event, frozen=True, gc=False):
    """Another system instruction or other tools, from here on."""

    update: ContextUpdate


ClientEvent: TypeAlias = (
    SetUp
    | ContentGiven
    | TextGiven
    | Audio
    | VideoGiven
    | ActivityStarted
    | ActivityEnded
    | AudioStreamEnded
    | ToolResponded
    | ContextChanged
    | ToolCallCancelled
    | UnknownFields
    | Closed
)
