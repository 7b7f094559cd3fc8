"""One chunk of Gemini's answer, read as far as neutral events need it.

Twice as a type: nearly every chunk holds text alone, and the type that allows nothing else reads
it in 0.5 µs; one that it refuses is read anew with each part left as its own bytes. Unknown fields
outside of parts are passed over, for no other dialect has a place for them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar

import msgspec

from ...errors import DecodeError

__all__ = (
    "NOT_READ",
    "AnyPart",
    "Chunk",
    "ChunkCandidate",
    "ChunkContent",
    "InlineData",
    "PartCall",
    "PartialPiece",
    "TextPart",
    "decode_any_chunk",
    "decode_part",
    "decode_text_chunk",
    "is_present",
    "names_of_part",
)

P = TypeVar("P")
S = TypeVar("S")
_ABSENT = msgspec.Raw()
_EXCERPT = 200


class TextPart(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """Text, thought or not."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None


class PartialPiece(msgspec.Struct, rename="camel", gc=False):
    """A piece of one streamed argument; see ``wire.content.PartialArg``."""

    json_path: str = "$"
    string_value: str | None = None
    number_value: msgspec.Raw = _ABSENT
    bool_value: bool | None = None
    will_continue: bool | None = None


class PartCall(msgspec.Struct, rename="camel"):
    """A function call; ``args`` as they came."""

    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = _ABSENT
    partial_args: list[PartialPiece] | None = None
    will_continue: bool | None = None


class InlineData(msgspec.Struct, rename="camel", gc=False):
    """Media, in base64."""

    mime_type: str | None = None
    data: str | None = None


class AnyPart(msgspec.Struct, rename="camel"):
    """Any part; what has none of these is of a kind without a counterpart."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: PartCall | None = None
    inline_data: InlineData | None = None


class ChunkContent(msgspec.Struct, Generic[P]):
    """The parts of one candidate."""

    parts: list[P] | None = None


class ChunkCandidate(msgspec.Struct, Generic[P], rename="camel"):
    """The next piece of one candidate."""

    content: ChunkContent[P] | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int | None = None
    grounding_metadata: msgspec.Raw = _ABSENT
    citation_metadata: msgspec.Raw = _ABSENT
    url_context_metadata: msgspec.Raw = _ABSENT
    safety_ratings: msgspec.Raw = _ABSENT
    logprobs_result: msgspec.Raw = _ABSENT


class Chunk(msgspec.Struct, Generic[P], rename="camel"):
    """A chunk; ``response`` is the whole of it where a service wraps its answers."""

    candidates: list[ChunkCandidate[P]] | None = None
    usage_metadata: msgspec.Raw = _ABSENT
    model_version: str | None = None
    response_id: str | None = None
    prompt_feedback: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT


_text = msgspec.json.Decoder(Chunk[TextPart])
_any = msgspec.json.Decoder(Chunk[msgspec.Raw])
_part = msgspec.json.Decoder(AnyPart)
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])
NOT_READ = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_text_chunk(payload: bytes) -> Chunk[TextPart] | None:
    """Return the chunk when its parts are text; None when it has to be read part by part."""
    try:
        return _text.decode(payload)
    except NOT_READ:
        return None


def decode_any_chunk(payload: bytes) -> Chunk[msgspec.Raw]:
    """Return the chunk with its parts as they came; raises DecodeError."""
    return _decoded(_any, payload)


def decode_part(part: msgspec.Raw) -> AnyPart:
    """Return what a part says; raises DecodeError."""
    return _decoded(_part, bytes(part))


def names_of_part(part: msgspec.Raw) -> Collection[str]:
    """Return the names of a part's fields; raises DecodeError."""
    return _decoded(_names, bytes(part))


def is_present(field: msgspec.Raw) -> bool:
    """Return whether a field was there, and not null."""
    return bool(field) and bytes(field) != b"null"


def _decoded(decoder: msgspec.json.Decoder[S], payload: bytes) -> S:
    try:
        return decoder.decode(payload)
    except NOT_READ as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        shown = payload[:_EXCERPT]
        raise DecodeError(
            f"the service sent a chunk that cannot be read ({what}): {shown!r}", excerpt=shown
        ) from None
