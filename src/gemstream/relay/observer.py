"""What the relay tells of its work: facts, as they happen, to whoever logs, counts or traces.

Of each request its begin and its end are told, each exactly once, and between them its attempts in
their order. Probes of health and scrapes of metrics are no requests. Nothing is told of a single
chunk: what it cost would be paid thousands of times in a stream.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ..policy.account.fact import Change
from ..policy.account.signal import Signal, SignalKind
from ..wire.usage import UsageMetadata
from .ledger.attempt import Settlement

__all__ = (
    "AttemptEnded",
    "End",
    "Observer",
    "Observers",
    "RequestBegan",
    "RequestEnded",
    "Silent",
)

_log = logging.getLogger("gemstream.relay.telemetry")


class End(enum.Enum):
    """How a request ended."""

    STOP = "stop"
    """The answer went down whole; of an account, or of the relay itself."""
    REFUSED = "refused"
    """Nothing was sent to an upstream."""
    UPSTREAM_ERROR = "upstream_error"
    TRUNCATED = "truncated"
    CLIENT_ABORT = "client_abort"
    LIMIT = "limit"
    """Cut in the middle, because the key's budget was used up."""
    DRAIN = "drain"
    INTERNAL = "internal"


class RequestBegan(msgspec.Struct, frozen=True, gc=False):
    """A request's head is here; ``headers`` by lower-case name, for the trace it may be part of.

    ``surface``: the dialect that it is refused in, if it is.
    """

    request_id: str
    surface: str
    headers: Mapping[str, str]


class AttemptEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One account was asked, or was about to be when the caller left. Times in seconds.

    ``account_hash`` names the account where its name may not be shown. ``settlement``: what the
    books have of it, with its number. ``began``: on ``time.monotonic``. ``commit``: how long the
    books took to have its row. ``first_chunk``: until content of it went down, None without.
    ``signal``: what it said of the account, None when it was broken off. ``after``: for a retry,
    what the attempt before it had said.
    """

    request_id: str
    account: str
    account_hash: str
    operation: str
    model: str
    model_version: str
    base_url: str
    is_stream: bool
    settlement: Settlement
    signal: Signal | None
    change: Change | None
    after: SignalKind | None
    began: float
    duration: float
    commit: float
    first_chunk: float | None


class RequestEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request is over, whatever became of it. Times in seconds.

    ``key_id``, ``operation``, ``model``, ``asked`` and ``account`` are ``""`` where it did not come
    so far. ``model``: as the account knows it, ``asked``: as the caller named it; either may be
    anything that a caller can write. ``status``: the HTTP status that went down, 499 when the
    caller left before any. ``fault``: the word of the refusal, ``""`` for an answer. ``limit``: the
    limit of the key that refused it, as ``rpm`` or ``budget``. ``is_admitted``: its key's limits
    let it in. ``first_chunk``: from the request's arrival to the first content that went down;
    ``overhead``: what of that was spent neither on reading the request nor on waiting for an
    upstream; ``passing``: from the first content to the end. ``usage``: of the last attempt,
    ``cost`` in micro-dollars of all; None when it is not known.
    """

    request_id: str
    surface: str
    operation: str
    asked: str
    model: str
    key_id: str
    account: str
    account_hash: str
    status: int
    end: End
    fault: str
    limit: str
    is_admitted: bool
    attempts: int
    first_chunk: float | None
    overhead: float | None
    passing: float
    duration: float
    usage: UsageMetadata | None
    cost: int | None
    is_stream: bool
    sent: int
    chunks: int


class Observer(Protocol):
    """Looks on; called in the event loop, must not wait and must not raise."""

    def request_began(self, fact: RequestBegan) -> None:
        """A request's head is here."""

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


class Observers:
    """Tells several, in their order; what one raises is logged once, and harms nobody."""

    __slots__ = ("_attempt_ended", "_has_failed", "_request_began", "_request_ended")

    def __init__(self, observers: Iterable[Observer]) -> None:
        told = tuple(observers)
        self._request_began = tuple(one.request_began for one in told)
        self._attempt_ended = tuple(one.attempt_ended for one in told)
        self._request_ended = tuple(one.request_ended for one in told)
        self._has_failed = False

    def request_began(self, fact: RequestBegan) -> None:
        """Tell all."""
        for told in self._request_began:
            self._tell(told, fact)

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Tell all."""
        for told in self._attempt_ended:
            self._tell(told, fact)

    def request_ended(self, fact: RequestEnded) -> None:
        """Tell all."""
        for told in self._request_ended:
            self._tell(told, fact)

    def _tell(self, told: Callable[[Any], None], fact: Any) -> None:
        try:
            told(fact)
        except Exception:
            if not self._has_failed:
                _log.exception("an observer failed; later failures are not logged")
            self._has_failed = True
