"""The steps of a scripted answer: what is sent, what is waited for, what goes wrong.

Plain values; ``playing`` plays them, ``script_file`` reads them. A new fault is a struct here, a
line in ``FAULTS`` and a line in the table of players.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ..wire.codec import JSONObject
from ..wire.response import GenerateContentResponse

__all__ = (
    "FAULTS",
    "Body",
    "Chunk",
    "Cut",
    "End",
    "ErrorFault",
    "ErrorInStream",
    "Fault",
    "NakedError",
    "Pause",
    "Stall",
    "Status",
    "Step",
    "WaitForAck",
)


class Chunk(msgspec.Struct, frozen=True):
    """One chunk: text, or a whole GenerateContentResponse that is sent as it is.

    Around a text the emulator puts the candidate, the usage so far, model and response id.
    """

    content: str | JSONObject | GenerateContentResponse


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


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what goes wrong."""


class ErrorFault(Fault, frozen=True, kw_only=True):
    """Base of the faults that are an error of the service.

    ``status`` and ``message`` default to the service's own for ``code``. ``retry_delay`` adds a
    RetryInfo, ``quota`` (a quota id) a QuotaFailure of ``quota_value``; ``details`` come last.
    """

    code: int = 500
    message: str | None = None
    status: str | None = None
    retry_delay: float | None = None
    quota: str | None = None
    quota_value: str = "20"
    details: Sequence[JSONObject] = ()


class Status(ErrorFault, frozen=True, kw_only=True):
    """The answer is an HTTP error; after the head has gone out, a naked error in the stream.

    ``body`` replaces the error envelope: a text or a table.
    """

    body: str | JSONObject | None = None


class ErrorInStream(ErrorFault, frozen=True, kw_only=True):
    """An event of the stream holds an error, and the stream ends."""


class NakedError(ErrorFault, frozen=True, kw_only=True):
    """The stream breaks off with an error object that is no event; ``pretty`` over many lines."""

    pretty: bool = False


class Cut(Fault, frozen=True, kw_only=True):
    """The connection breaks at byte ``at_byte`` of the whole body, or here without it."""

    at_byte: int | None = None


class End(Fault, frozen=True, kw_only=True):
    """The answer ends cleanly here, with no finish reason."""


class Stall(Fault, frozen=True, kw_only=True):
    """Nothing more comes until the client leaves."""


Step = str | Chunk | Pause | WaitForAck | Body | Fault
"""A step; a plain text is a chunk of it."""

FAULTS: Mapping[str, type[Fault]] = {
    "status": Status,
    "error_in_stream": ErrorInStream,
    "naked_error": NakedError,
    "cut": Cut,
    "end": End,
    "stall": Stall,
}
