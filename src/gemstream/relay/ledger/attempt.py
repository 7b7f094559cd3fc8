"""What the books hold of one attempt: how it began, and how it ended."""

from __future__ import annotations

import enum

import msgspec

from ...wire.usage import UsageMetadata

__all__ = ("Attempt", "AttemptStatus", "Settlement")


class AttemptStatus(enum.Enum):
    """How an attempt stands."""

    OPEN = "open"
    OK = "ok"
    CLIENT_CANCEL = "client_cancel"
    UPSTREAM_ERROR = "upstream_error"
    TRUNCATED = "truncated"
    LIMITED = "limited"
    """Cut in mid-stream because the key's budget was used up."""
    DRAINED = "drained"
    """Cut at the end of a drain of the whole relay."""
    UNKNOWN = "unknown"
    """The process that ran it died."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One request that is about to be sent to one account; ``started`` in µs since 1970.

    ``number``: 1 for the first attempt of a request, which makes ``requests`` of a report.
    """

    request_id: str
    number: int
    key_id: str
    account: str
    surface: str
    operation: str
    model: str
    started: int
    reserved_tokens: int = 0
    reserved_micros: int = 0


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended; ``first_chunk`` and ``duration`` in µs from its start.

    ``cost`` in micro-dollars, None when the price is not known; ``price_version`` says by which
    list. ``cache_creation``: tokens written to a cache, for services that charge them apart.
    ``is_estimated``: the counts were not the service's last word. ``error`` names what went wrong,
    never with a prompt in it.
    """

    request_id: str
    number: int
    status: AttemptStatus
    http_status: int | None = None
    usage: UsageMetadata | None = None
    cache_creation: int | None = None
    cost: int | None = None
    price_version: str = ""
    is_estimated: bool = False
    first_chunk: int | None = None
    duration: int = 0
    bytes: int = 0
    chunks: int = 0
    finish_reason: str = ""
    upstream_id: str = ""
    error: str = ""
