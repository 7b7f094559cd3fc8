"""What the answer to a request of Anthropic's must observe."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ("MessageWishes",)


class MessageWishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the encoder must know of the request.

    ``tool_names``: the caller's name of each function whose name had to be changed for Gemini.
    ``is_one_call``: only the first call of an answer is delivered, for Gemini has no switch
    against parallel tool use. ``shows_thoughts``: False for a thinking ``display`` of "omitted".
    ``keeps_signatures``: they are handed out, to be found again by the next request.
    ``envelope_key``: tags the envelopes of signatures.
    """

    tool_names: Mapping[str, str] = {}
    is_one_call: bool = False
    shows_thoughts: bool = True
    keeps_signatures: bool = True
    envelope_key: bytes | None = None
