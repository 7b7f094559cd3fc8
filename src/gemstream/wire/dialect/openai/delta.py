"""The steps of a chat answer: what a stream writes as frames and a whole answer gathers.

Text and thoughts are steps as they are (``neutral.Text``, ``neutral.Thought``); these are the
others. Each belongs to one candidate, OpenAI's choice.
"""

from __future__ import annotations

import msgspec

from ....errors import GemstreamError
from ...codec import JSONObject
from ...usage import UsageMetadata
from ..neutral import Text, Thought

__all__ = (
    "Annotations",
    "Audio",
    "Broken",
    "CallHead",
    "CallPiece",
    "Closing",
    "Counts",
    "Delta",
    "Done",
    "Extras",
    "Image",
    "ImageSignature",
    "Logprobs",
    "Opening",
    "Refused",
)


class Opening(msgspec.Struct, frozen=True, gc=False):
    """A candidate begins; once for each."""

    candidate: int


class CallHead(msgspec.Struct, frozen=True, gc=False):
    """A tool is called: its place among the candidate's calls, its id, the caller's name of it.

    ``is_custom``: it takes plain text for its arguments.
    """

    candidate: int
    number: int
    id: str
    name: str
    signature: str | None = None
    is_custom: bool = False


class CallPiece(msgspec.Struct, frozen=True, gc=False):
    """More of a call's arguments; of a custom tool its input."""

    candidate: int
    number: int
    text: str
    is_custom: bool = False


class Image(msgspec.Struct, frozen=True, gc=False):
    """An image as a data URL; ``number`` counts the candidate's images."""

    candidate: int
    number: int
    url: str
    is_thought: bool = False

    def field(self) -> JSONObject:
        """Return it as an entry of ``images``; a thought's is marked as Google marks thoughts."""
        mark = {"extra_content": {"google": {"thought": True}}} if self.is_thought else {}
        return {"type": "image_url", "image_url": {"url": self.url}, **mark}


class ImageSignature(msgspec.Struct, frozen=True, gc=False):
    """The signature of an image that has come."""

    candidate: int
    number: int
    value: str

    def field(self) -> JSONObject:
        """Return what it adds to the entry of ``images``."""
        return {"extra_content": {"google": {"thought_signature": self.value}}}


class Audio(msgspec.Struct, frozen=True, gc=False):
    """More sound in standard base64; ``id`` comes with the first piece only."""

    candidate: int
    data: str
    id: str | None = None


class Logprobs(msgspec.Struct, frozen=True):
    """How likely the tokens so far were."""

    candidate: int
    tokens: list[JSONObject]


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The prompt was not answered, and why."""

    candidate: int
    text: str


class Annotations(msgspec.Struct, frozen=True):
    """The sources that passages of the text rest on."""

    candidate: int
    citations: list[JSONObject]


class Extras(msgspec.Struct, frozen=True):
    """What Gemini said and OpenAI has no field for, as ``extra_content.google``."""

    candidate: int
    google: JSONObject


class Closing(msgspec.Struct, frozen=True, gc=False):
    """A candidate is complete; ``native`` is Gemini's reason."""

    candidate: int
    reason: str
    native: str


class Counts(msgspec.Struct, frozen=True):
    """The tokens of the whole answer."""

    usage: UsageMetadata


class Broken(msgspec.Struct, frozen=True):
    """The answer broke off; nothing follows."""

    error: GemstreamError


class Done(msgspec.Struct, frozen=True, gc=False):
    """The answer is complete; nothing follows."""


Delta = (
    Text
    | Thought
    | Opening
    | CallHead
    | CallPiece
    | Image
    | ImageSignature
    | Audio
    | Logprobs
    | Refused
    | Annotations
    | Extras
    | Closing
    | Counts
    | Broken
    | Done
)
