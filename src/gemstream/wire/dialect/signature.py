"""Thought signatures on their way through callers who know nothing of them.

A signature belongs to one part of the model's answer and comes back opaque: never moved, never
merged, never null. In the current turn, all that follows the user's own last words, Gemini 3
refuses a step whose first call has none.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import unicodedata
from typing import Protocol

import msgspec

from ..codec import JSONObject
from .neutral import SignatureTarget

__all__ = (
    "SENTINEL",
    "Envelope",
    "SignatureStore",
    "SignatureWrite",
    "decode_envelope",
    "encode_envelope",
    "is_enveloped",
    "sign_current_turn",
    "text_digest",
    "unsigned_calls",
)

SENTINEL = "skip_thought_signature_validator"
"""What the service takes for the signature of a call that it did not make itself."""

_PREFIX = "gt1."
# Also those of other origins: a carrier passes to its own provider only.
_PREFIXES = (_PREFIX, "at1.", "bt1.")
_PROVIDER = "gemini"
_TAG_SIZE = 16


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A signature and the part it belongs to; ``number`` is that of a call, else 0."""

    model: str
    target: SignatureTarget
    number: int
    signature: str


class SignatureWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A signature to keep, by the id its call has for the caller or by the text it ends."""

    value: str
    model: str
    call_id: str | None = None
    text: str | None = None


class SignatureStore(Protocol):
    """Signatures kept for callers who strip what they do not know.

    Of one tenant, and in memory: what a request may need is fetched before it is translated.
    """

    def of_call(self, call_id: str) -> str | None:
        """Return the signature of the call that the caller knows by ``call_id``."""

    def of_text(self, text: str) -> str | None:
        """Return the signature of the answer whose whole text is ``text``; see text_digest."""


class _Carried(msgspec.Struct):
    """An envelope in its shortest words: provider, model, kind of part, number, signature."""

    p: str
    m: str
    k: SignatureTarget
    n: int
    s: str


def encode_envelope(envelope: Envelope, *, key: bytes | None = None) -> str:
    """Return ``envelope`` as text for a caller's opaque field; with ``key`` it is tagged."""
    carried = _Carried(
        _PROVIDER, envelope.model, envelope.target, envelope.number, envelope.signature
    )
    body = _base64(msgspec.json.encode(carried))
    return _PREFIX + body + ("" if key is None else f".{_tag(body, key)}")


def decode_envelope(carrier: str, *, key: bytes | None = None) -> Envelope | None:
    """Return the envelope in ``carrier``; None for one that is foreign, damaged or not ours.

    With ``key`` an envelope without its tag is none of ours.
    """
    if not carrier.startswith(_PREFIX):
        return None
    body, _, tag = carrier.removeprefix(_PREFIX).partition(".")
    if key is not None and not hmac.compare_digest(tag.encode(), _tag(body, key).encode()):
        return None
    try:
        padded = body + "=" * (-len(body) % 4)
        carried = _carried.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    if carried.p != _PROVIDER or not carried.s:
        return None
    return Envelope(
        model=carried.m,
        target=carried.k,
        number=carried.n,
        signature=carried.s,
    )


def is_enveloped(carrier: str) -> bool:
    """Return whether ``carrier`` is an envelope of any origin, not a signature itself."""
    return carrier.startswith(_PREFIXES)


def text_digest(text: str) -> str:
    """Return what an answer's text is found by; callers trim white space and normalise letters."""
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()


def unsigned_calls(contents: list[JSONObject]) -> list[JSONObject]:
    """Return the parts that must have a signature and have none, the last first.

    They are the first call of each step in the current turn; its siblings have none of their own.
    """
    unsigned: list[JSONObject] = []
    for content in reversed(contents):
        parts = content.get("parts") or []
        if content.get("role") == "model":
            first = next((part for part in parts if "functionCall" in part), None)
            if first is not None and not first.get("thoughtSignature"):
                unsigned.append(first)
        elif any(part.get("text") for part in parts):
            break  # the user's own words; a picture alone is none
    return unsigned


def sign_current_turn(contents: list[JSONObject]) -> None:
    """Put the sentinel, in place, on every call that must have a signature and has none."""
    for part in unsigned_calls(contents):
        part["thoughtSignature"] = SENTINEL


_carried = msgspec.json.Decoder(_Carried)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _tag(body: str, key: bytes) -> str:
    return _base64(hmac.digest(key, body.encode("utf-8", "surrogatepass"), "sha256")[:_TAG_SIZE])
