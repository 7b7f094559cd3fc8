"""How chat requests are translated: facts about the target, and the operator's choices."""

from __future__ import annotations

import enum

import msgspec

from ..model_traits import ModelTraits
from ..signature import SignatureStore
from .wishes import ImageForm

__all__ = ("ChatOptions", "URLMode")


class URLMode(enum.Enum):
    """What becomes of an ``https://`` URL in the place of a file."""

    REJECT = "reject"
    """The request is refused; nothing is fetched by anybody."""
    PASSTHROUGH = "passthrough"
    """The service gets the URL and fetches it itself, if it can."""


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
    ``signatures``: where those are that the caller does not bring back.
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
    signatures: SignatureStore | None = None
