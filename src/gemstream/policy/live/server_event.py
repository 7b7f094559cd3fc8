"""What happens in a Live session as its client sees it.

One message of the service may hold several events. They come in this order: what was said, what
was heard, what befell the turn, its token counts, and last the end of the turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from ...wire.codec import JSONObject
from ...wire.content import FunctionCall, Part
from ...wire.grounding import GroundingMetadata, URLContextMetadata
from ...wire.live.server_message import (
    InteractionStatus,
    SetupComplete,
    TurnCompleteReason,
    VADSignalType,
    VoiceActivityType,
)
from ...wire.media import Transcription
from ...wire.usage import UsageMetadata

__all__ = (
    "Audio",
    "Closed",
    "Event",
    "GenerationCompleted",
    "GoingAway",
    "Grounded",
    "InputTranscribed",
    "Interrupted",
    "OtherPart",
    "OutputTranscribed",
    "ResumptionUpdated",
    "ServerEvent",
    "SetupCompleted",
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


class Event(msgspec.Struct, frozen=True, gc=False, repr_omit_defaults=True):
    """Base of what a protocol object returns."""


class SetupCompleted(Event, frozen=True, gc=False):
    """The service accepted the setup; the client may speak."""

    message: SetupComplete


class Text(Event, frozen=True, gc=False):
    """A piece of what the model says in writing; ``part`` is all that came with it."""

    text: str
    part: Part


class Thought(Event, frozen=True, gc=False):
    """A piece of the model's summary of its thoughts; ``part`` is all that came with it."""

    text: str
    part: Part


class Audio(Event, frozen=True, gc=False):
    """A piece of speech; from the service PCM of 16 bits, little-endian, mono, mostly 24 kHz.

    ``mime_type`` tells the rate, as ``audio/pcm;rate=24000``.
    """

    data: bytes
    mime_type: str = ""

    def __repr__(self) -> str:
        return f"Audio({len(self.data):,} bytes, {self.mime_type!r})"


class OtherPart(Event, frozen=True, gc=False):
    """A part that is neither text nor audio, as an image or code; or what audio had beside it."""

    part: Part


class InputTranscribed(Event, frozen=True, gc=False):
    """What the service understood of the user's speech; ``interim`` words may still change."""

    text: str
    transcription: Transcription
    interim: bool = False


class OutputTranscribed(Event, frozen=True, gc=False):
    """The model's speech in writing."""

    text: str
    transcription: Transcription


class Grounded(Event, frozen=True, gc=False):
    """Where the model has it from."""

    grounding: GroundingMetadata | None = None
    url_context: URLContextMetadata | None = None


class ToolCalled(Event, frozen=True, gc=False):
    """The model asks for functions to be run; each answer carries the id of its call."""

    calls: Sequence[FunctionCall]


class ToolCallCancelled(Event, frozen=True, gc=False):
    """Nobody waits for the results of these calls any more."""

    ids: Sequence[str]


class GenerationCompleted(Event, frozen=True, gc=False):
    """The model has said all it wants to; audio may still be playing."""


class Interrupted(Event, frozen=True, gc=False):
    """The user cut the model short: audio that was not played yet is void."""


class WaitingForInput(Event, frozen=True, gc=False):
    """The model keeps silent until it is given more."""


class UsageReported(Event, frozen=True, gc=False):
    """Token counts, under the names that all answers of gemstream use."""

    usage: UsageMetadata


class TurnCompleted(Event, frozen=True, gc=False):
    """The model's turn is over; with ``goes_on`` another follows without being asked for.

    ``reason`` is set when the turn ended otherwise than by all being said.
    """

    reason: TurnCompleteReason | None = None
    status: InteractionStatus | None = None
    goes_on: bool = False


class GoingAway(Event, frozen=True, gc=False):
    """The service will close the connection in ``time_left`` seconds."""

    time_left: float


class ResumptionUpdated(Event, frozen=True, gc=False):
    """A handle to go on from, or the news that there is none at the moment.

    ``last_consumed``: the client's message up to which the handle covers the session, counted from
    1 after the setup (transparent resumption only).
    """

    handle: str
    resumable: bool
    last_consumed: int | None = None


class VoiceActivityHeard(Event, frozen=True, gc=False):
    """The user began or stopped speaking, ``offset`` seconds after the audio began."""

    type: VoiceActivityType | VADSignalType
    offset: float | None = None


class UnknownFields(Event, frozen=True, gc=False):
    """What this version of gemstream has no name for, as it came; ``path`` is where it stood."""

    fields: JSONObject
    path: str = ""


class Closed(Event, frozen=True, gc=False):
    """The connection is over; ``code`` 1006 when it broke without a close.

    ``in_setup``: the service had not accepted the setup. ``in_turn``: an answer was still due.
    """

    code: int
    reason: str = ""
    in_setup: bool = False
    in_turn: bool = False


ServerEvent: TypeAlias = (
    SetupCompleted
    | Text
    | Thought
    | Audio
    | OtherPart
    | InputTranscribed
    | OutputTranscribed
    | Grounded
    | ToolCalled
    | ToolCallCancelled
    | GenerationCompleted
    | Interrupted
    | WaitingForInput
    | UsageReported
    | TurnCompleted
    | GoingAway
    | ResumptionUpdated
    | VoiceActivityHeard
    | UnknownFields
    | Closed
)
