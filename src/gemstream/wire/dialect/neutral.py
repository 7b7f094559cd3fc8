"""What any answer is made of, whatever dialect it comes in and goes out as.

Candidates are counted from 0, function calls from 0 within a candidate and over the whole stream.
A stream begins with ``Started`` and ends with ``Ended`` or ``Failed``; a failure before anything
came stands alone. ``Finished`` comes once for each candidate, directly before the end, for only the
end makes a reason certain; after ``Blocked`` there may be none.
"""

from __future__ import annotations

import enum

import msgspec

from ...errors import GemstreamError
from ..usage import UsageMetadata

__all__ = (
    "Blocked",
    "CallArguments",
    "CallClosed",
    "CallOpened",
    "Ended",
    "Event",
    "Failed",
    "Finished",
    "Media",
    "Metadata",
    "RawPart",
    "Signature",
    "SignatureTarget",
    "Started",
    "Text",
    "Thought",
    "Usage",
)


class Event(msgspec.Struct, frozen=True, gc=False):
    """Base of what a stream says."""


class Started(Event, frozen=True, gc=False):
    """The answer begins; the names are the upstream's, ``""`` where it gave none."""

    id: str = ""
    model: str = ""


class Text(Event, frozen=True, gc=False):
    """More of the answer; never empty."""

    text: str
    candidate: int = 0


class Thought(Event, frozen=True, gc=False):
    """More of what the model thought; never empty."""

    text: str
    candidate: int = 0


class SignatureTarget(enum.Enum):
    """What kind of part a signature belongs to."""

    CALL = "call"
    TEXT = "text"
    THOUGHT = "thought"
    SERVER = "srv"


class Signature(Event, frozen=True, gc=False):
    """The opaque signature of a part.

    Of a call it comes before ``CallOpened`` of ``number``, of a server's part before ``RawPart``,
    both counted within the candidate; of text, thoughts and media behind what it signs.
    """

    value: str
    target: SignatureTarget
    number: int = 0
    candidate: int = 0


class CallOpened(Event, frozen=True, gc=False):
    """A function call begins; ``id`` is the upstream's, None where it gave none."""

    number: int
    name: str
    id: str | None = None
    candidate: int = 0


class CallArguments(Event, frozen=True, gc=False):
    """A piece of the call's arguments: compact JSON, non-ASCII unescaped."""

    number: int
    json: str
    candidate: int = 0


class CallClosed(Event, frozen=True, gc=False):
    """The pieces of the call's arguments so far are a whole JSON object."""

    number: int
    candidate: int = 0


class Media(Event, frozen=True, gc=False):
    """An image or sound; ``data`` is standard base64."""

    mime_type: str
    data: str
    is_thought: bool = False
    candidate: int = 0


class RawPart(Event, frozen=True, gc=False):
    """A part without a counterpart elsewhere, as executable code: its JSON as it came."""

    json: bytes
    candidate: int = 0


class Metadata(Event, frozen=True, gc=False):
    """What a candidate says about itself: grounding, citations, ratings, as Gemini names it."""

    name: str
    json: bytes
    candidate: int = 0


class Usage(Event, frozen=True, gc=False):
    """The counts so far, all fields merged; the last is that of the answer."""

    value: UsageMetadata


class Blocked(Event, frozen=True, gc=False):
    """The prompt was refused, for ``reason``; no candidate comes."""

    reason: str


class Finished(Event, frozen=True, gc=False):
    """A candidate is complete; ``reason`` is Gemini's, as ``MAX_TOKENS``."""

    reason: str
    message: str = ""
    candidate: int = 0


class Failed(Event, frozen=True):
    """The answer broke off; nothing comes behind this."""

    error: GemstreamError


class Ended(Event, frozen=True, gc=False):
    """The answer is complete; nothing comes behind this."""
