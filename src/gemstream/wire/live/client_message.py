"""What the client of a Live session sends.

Source: https://ai.google.dev/api/live#send-messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..codec import Message
from ..content import Blob, Content, FunctionResponse
from ..tool import Tool
from .setup import LiveSetup

__all__ = (
    "ActivityEnd",
    "ActivityStart",
    "ClientContent",
    "ClientMessage",
    "ContextUpdate",
    "ContextUpdateTools",
    "RealtimeInput",
    "ToolResponse",
)


class ClientContent(Message):
    """Turns of the conversation, in order; they interrupt the model.

    ``turn_complete``: the model shall answer now; False makes it wait for more.
    """

    turns: Sequence[Content] = ()
    turn_complete: bool | None = None


class ActivityStart(Message):
    """The user begins to speak."""


class ActivityEnd(Message):
    """The user has stopped speaking."""


class RealtimeInput(Message):
    """Input as it happens: exactly one of the fields.

    ``audio``: PCM of 16 bits, little-endian, mono, type ``audio/pcm;rate=16000``. ``video``: one
    picture, type ``image/jpeg``. ``activity_start`` and ``activity_end``: only without automatic
    detection; ``audio_stream_end`` (the microphone pauses): only with it. ``media_chunks`` is the
    older form, of which the service uses the first.
    """

    audio: Blob | None = None
    video: Blob | None = None
    text: str | None = None
    activity_start: ActivityStart | None = None
    activity_end: ActivityEnd | None = None
    audio_stream_end: bool | None = None
    media_chunks: Sequence[Blob] = ()


class ToolResponse(Message):
    """What the functions returned that the model called; each with the id of its call."""

    function_responses: Sequence[FunctionResponse] = ()


class ContextUpdateTools(Message):
    """The tools from now on."""

    tools: Sequence[Tool] = ()


class ContextUpdate(Message):
    """Another system instruction or other tools, from here on; what was cached is void."""

    system_instruction: Content | None = None
    tools: ContextUpdateTools | None = None


class ClientMessage(Message):
    """One message of the client: exactly one of the fields."""

    setup: LiveSetup | None = None
    client_content: ClientContent | None = None
    realtime_input: RealtimeInput | None = None
    tool_response: ToolResponse | None = None
    context_update: ContextUpdate | None = None
