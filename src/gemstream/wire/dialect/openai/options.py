"""How chat requests are translated: facts about the target, and the operator's choices."""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec

from ..model_traits import ModelTraits
from .wishes import ImageForm

__all__ = ("ChatOptions", "SignatureLookup", "URLMode")


class URLMode(enum.Enum):
    """What becomes of an ``https://`` URL in the place of a file."""

    REJECT = "reject"
    """The request is refused; nothing is fetched by anybody."""
    PASSTHROUGH = "passthrough"
    """The service gets the URL and fetches it itself, if it can."""


class SignatureLookup(Protocol):
    """Where the signatures are that callers did not bring back; both return None for none."""

    def of_call(self, call_id: str) -> str | None:
        """Return the signature of the call that a caller knows by this id."""

    def of_text(self, text: str) -> str | None:
        """Return the signature of the answer whose text this is."""


class ChatOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a translation needs to know beside the request.

    ``model`` and ``traits`` are those of the target, whatever alias the caller uses.
    ``is_strict``: what has no counterpart is refused instead of dropped and reported.
    ``repairs_history``: a tool call without result gets an error for one, a result without call is
    dropped; both are refused otherwise. ``inlines_late_system``: a system message behind the first
    turn stays in its place as the user's. ``accepts_gif``: images of this type are passed on.
    ``echoes_ids``: calls and results carry the caller's ids, None for what the model expects.
    ``is_validated_when_strict``: a strict function has its arguments checked by the service.
    ``includes_thoughts``: thoughts are shown without being asked for.
    """

    model: str
    traits: ModelTraits
    is_vertex: bool = False
    is_strict: bool = False
    repairs_history: bool = False
    inlines_late_system: bool = False
    accepts_gif: bool = False
    urls: URLMode = URLMode.REJECT
    echoes_ids: bool | None = None
    is_validated_when_strict: bool = True
    includes_thoughts: bool = False
    repeats_reasoning: bool = False
    image_form: ImageForm = ImageForm.FIELD
    signatures: SignatureLookup | None = None
