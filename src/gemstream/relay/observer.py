"""What the relay tells of its work: facts, as they happen, to whoever logs, counts or traces."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Protocol

import msgspec

from ..policy.account.fact import Change
from ..policy.account.signal import Signal
from ..wire.usage import UsageMetadata
from .ledger.attempt import AttemptStatus

__all__ = ("AttemptEnded", "End", "Observer", "RequestBegan", "RequestEnded", "Silent")


class End(enum.Enum):
    """How a request ended."""

    STOP = "stop"
    """The answer went down whole."""
    REFUSED = "refused"
    """Nothing was sent to an upstream."""
    UPSTREAM_ERROR = "upstream_error"
    TRUNCATED = "truncated"
    CLIENT_ABORT = "client_abort"
    LIMIT = "limit"
    DRAIN = "drain"
    INTERNAL = "internal"


class RequestBegan(msgspec.Struct, frozen=True, kw_only=True):
    """A request was let in; ``headers`` by lower-case name, for the trace it may be part of."""

    request_id: str
    surface: str
    operation: str
    model: str
    key_id: str
    is_stream: bool
    headers: Mapping[str, str]


class AttemptEnded(msgspec.Struct, frozen=True, kw_only=True):
    """One account was asked. Times in seconds; ``began`` on the event loop's clock.

    ``account_hash`` names the account where its name may not be shown.
    """

    request_id: str
    number: int
    account: str
    account_hash: str
    model: str
    status: AttemptStatus
    http_status: int | None
    signal: Signal | None
    change: Change | None
    began: float
    duration: float
    first_chunk: float | None


class RequestEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A request is over, whatever became of it. Times in seconds.

    ``status``: the HTTP status that went down, 499 when the caller left before any.
    ``first_chunk``: from the request's arrival to the first content that went down.
    ``overhead``: what of that was not spent waiting for the upstream. ``cost`` in micro-dollars,
    of all attempts. ``fault`` is the word of the refusal, ``""`` for an answer.
    """

    request_id: str
    surface: str
    operation: str
    model: str
    key_id: str
    account: str
    account_hash: str
    status: int
    end: End
    fault: str
    attempts: int
    first_chunk: float | None
    overhead: float | None
    duration: float
    usage: UsageMetadata | None
    cost: int | None
    is_stream: bool
    sent: int
    chunks: int


class Observer(Protocol):
    """Looks on; called in the event loop, must not wait and must not raise."""

    def request_began(self, fact: RequestBegan) -> None:
        """A request was let in."""

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """An account was asked."""

    def request_ended(self, fact: RequestEnded) -> None:
        """A request is over."""


class Silent:
    """Tells nobody."""

    def request_began(self, fact: RequestBegan) -> None:
        """Do nothing."""

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Do nothing."""

    def request_ended(self, fact: RequestEnded) -> None:
        """Do nothing."""
