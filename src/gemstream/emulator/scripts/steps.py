"""The steps of a scripted answer: what is sent and what is waited for; ``faults`` go wrong.

Plain values; ``playing`` plays them, ``script_file`` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...wire.codec import JSONObject
from ...wire.response import GenerateContentResponse
from .faults import Fault

__all__ = ("Body", "Chunk", "Hears", "Pause", "Step", "WaitForAck")


class Chunk(msgspec.Struct, frozen=True):
    """One chunk: text, or a whole GenerateContentResponse that is sent as it is.

    Around a text the emulator puts the candidate, the usage so far, model and response id.
    """

    content: str | JSONObject | GenerateContentResponse


class Hears(msgspec.Struct, frozen=True):
    """A piece of what speech in a Live session is understood as."""

    text: str


class Pause(msgspec.Struct, frozen=True):
    """So many seconds of nothing."""

    seconds: float


class WaitForAck(msgspec.Struct, frozen=True):
    """Nothing until ``Emulator.ack()`` or POST /emulator/ack: proves real time without a clock."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a recorded body, sent as they are.

    ``status``: None takes the ``error.code`` in the body, else 200. ``content_type``: None tells
    it from the body. ``slices``: sizes of the writes, the last one again and again.
    """

    content: bytes
    status: int | None = None
    content_type: str | None = None
    slices: Sequence[int] = ()


Step = str | Chunk | Hears | Pause | WaitForAck | Body | Fault
"""A step; a plain text is a chunk of it."""
