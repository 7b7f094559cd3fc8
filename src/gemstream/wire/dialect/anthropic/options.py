"""How messages are translated: facts about the target, and the operator's choices."""

from __future__ import annotations

import msgspec

from ..model_traits import ModelTraits
from ..signature import SignatureStore
from ..url_mode import URLMode

__all__ = ("MessagesOptions",)


class MessagesOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a translation needs to know beside the request.

    ``model`` and ``traits`` are those of the target, whatever alias the caller uses.
    ``is_strict``: what has no counterpart is refused instead of dropped and reported.
    ``repairs_history``: a tool use without result gets an error for one, a result without its use
    is dropped; both are refused otherwise. ``inlines_late_system``: a system message behind the
    first turn stays in its place as the user's. ``accepts_gif``: images of this type are passed
    on. ``echoes_ids``: calls and results carry the caller's ids, None for what the model expects.
    ``is_validated_when_strict``: a strict tool has its input checked by the service.
    ``replays_thoughts``: the text of Gemini's earlier thoughts is sent back to it.
    ``signatures``: those kept of earlier answers. ``envelope_key``: tags the envelopes of
    signatures, and envelopes without the tag are none of ours.
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
    replays_thoughts: bool = False
    signatures: SignatureStore | None = None
    envelope_key: bytes | None = None
