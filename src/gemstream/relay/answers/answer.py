"""What stands between an upstream's bytes and the caller's."""

from __future__ import annotations

from typing import Protocol

from ...errors import GemstreamError
from ...wire.usage import UsageMetadata

__all__ = ("StreamAnswer", "Tally", "WholeAnswer")


class Tally(Protocol):
    """What is known of an answer so far; see ``policy.usage_meter.UsageMeter``."""

    @property
    def usage(self) -> UsageMetadata | None:
        """The counts so far."""
        ...

    @property
    def error(self) -> GemstreamError | None:
        """What the upstream said is wrong, or what is wrong with its answer."""
        ...

    @property
    def chunks(self) -> int:
        """How many payloads have come."""
        ...

    @property
    def text_size(self) -> int:
        """Characters of text that nothing counted."""
        ...

    @property
    def has_content(self) -> bool:
        """True once something has come that makes it an answer."""
        ...

    @property
    def is_finished(self) -> bool:
        """True when nothing is missing."""
        ...

    @property
    def finish_reason(self) -> str:
        """Why it ended, as the upstream says; ``""`` before."""
        ...

    @property
    def response_id(self) -> str:
        """The upstream's own name of the answer."""
        ...

    @property
    def model_version(self) -> str:
        """The model that answered."""
        ...


class StreamAnswer(Protocol):
    """An answer that goes down piece by piece.

    Of an upstream's fault nothing is handed out: the tally has it, and ``break_off`` writes the
    end that the caller's dialect gives to a broken stream.
    """

    @property
    def tally(self) -> Tally:
        """What is known of it."""
        ...

    @property
    def content_type(self) -> bytes:
        """The media type of what goes down."""
        ...

    def receive_data(self, data: bytes) -> bytes:
        """Return what may go down now: whole events, unless one is very large."""
        ...

    def receive_eof(self) -> bytes:
        """Return what is left to go down after a clean end."""
        ...

    def receive_interruption(self, error: GemstreamError) -> bytes:
        """Return what is left to go down when the connection broke with ``error``.

        An answer that had finished lacks nothing; of any other ``error`` is the tally's.
        """
        ...

    def break_off(self, error: GemstreamError) -> bytes:
        """Return what tells the caller that nothing more comes, and why."""
        ...

    def heartbeat(self) -> bytes:
        """Return what keeps the connection alive; ``b""`` where nothing may be sent now."""
        ...


class WholeAnswer(Protocol):
    """An answer that goes down at once."""

    @property
    def tally(self) -> Tally:
        """What is known of it."""
        ...

    def body(self, upstream: bytes) -> bytes:
        """Return the body for the caller; raises GemstreamError for one that makes no sense."""
        ...
