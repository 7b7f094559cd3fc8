"""What a caller is told when there is no answer: one table for all dialects.

A fault of the upstream's credentials is never told as such: the caller cannot mend it, and what
the service says there may name the key. So of those only "unavailable" is left.

Source: google/rpc/code.proto; https://platform.openai.com/docs/guides/error-codes;
https://docs.anthropic.com/en/api/errors.
"""

from __future__ import annotations

import enum
import re

import msgspec

from ...errors import (
    APIError,
    BudgetExceeded,
    ConfigError,
    ConnectFailed,
    GemstreamError,
    InvalidRequest,
    MissingCredentials,
    ProtocolError,
    RateLimited,
    ResourceExhausted,
    StoreUnavailable,
    StreamTimeout,
    StreamTruncated,
    TransportError,
    Unauthenticated,
)
from ..status import NO_ENVELOPE
from .invalid_parameter import InvalidParameter

__all__ = ("Fault", "Refusal", "refusal_of")


class Fault(enum.Enum):
    """What went wrong, by what the caller can do about it."""

    INVALID = "invalid"
    UNSUPPORTED = "unsupported"  # a parameter that we know and cannot honour
    CLIENT_AUTH = "client_auth"
    FORBIDDEN = "forbidden"
    BUDGET = "budget"
    NOT_FOUND = "not_found"
    WRONG_METHOD = "wrong_method"
    CONFLICT = "conflict"
    CANCELLED = "cancelled"
    TOO_LARGE = "too_large"
    RATE = "rate"
    OVERLOADED = "overloaded"
    NO_ACCOUNT = "no_account"  # none is left that could be asked
    UPSTREAM_AUTH = "upstream_auth"  # the account's key or place is refused
    UPSTREAM_MALFORMED = "upstream_malformed"
    UPSTREAM_LOST = "upstream_lost"  # the answer broke off
    INTERNAL = "internal"
    TIMEOUT = "timeout"
    UNIMPLEMENTED = "unimplemented"


class Refusal(msgspec.Struct, frozen=True):
    """What a caller is told.

    ``message``: one sentence without secrets. ``retry_delay``: seconds after which another try is
    useful. ``param``: the field of the request in question. ``code`` replaces the word that
    OpenAI's callers get, and is told to Anthropic's as a detail; ``status`` replaces the one of
    Gemini's. ``allow``: the methods that would do.
    """

    fault: Fault
    message: str
    retry_delay: float | None = None
    param: str | None = None
    code: str | None = None
    status: str | None = None
    allow: tuple[str, ...] = ()


_UNAVAILABLE = "the service cannot be reached at the moment; try again later"
_UNREADABLE = "the service sent an answer that cannot be read"
_BROKEN_OFF = "the service's answer broke off"
_TOO_SLOW = "the service took too long to answer"
_OURS = "an error inside the relay"

# The first that fits; None as message keeps the error's own, which is meant for the caller.
_FAULTS: tuple[tuple[type[GemstreamError], Fault, str | None], ...] = (
    (MissingCredentials, Fault.NO_ACCOUNT, _UNAVAILABLE),
    (ConfigError, Fault.INTERNAL, _OURS),
    (InvalidRequest, Fault.INVALID, None),
    (RateLimited, Fault.RATE, None),
    (BudgetExceeded, Fault.BUDGET, None),
    (StreamTimeout, Fault.TIMEOUT, _TOO_SLOW),
    (ConnectFailed, Fault.OVERLOADED, _UNAVAILABLE),
    (TransportError, Fault.UPSTREAM_LOST, _BROKEN_OFF),
    (StreamTruncated, Fault.UPSTREAM_LOST, _BROKEN_OFF),
    (ProtocolError, Fault.UPSTREAM_MALFORMED, _UNREADABLE),
    (StoreUnavailable, Fault.OVERLOADED, _UNAVAILABLE),
)
_OF_CODES = {
    401: Fault.UPSTREAM_AUTH,
    402: Fault.UPSTREAM_AUTH,
    403: Fault.UPSTREAM_AUTH,
    404: Fault.NOT_FOUND,
    408: Fault.TIMEOUT,
    409: Fault.CONFLICT,
    413: Fault.TOO_LARGE,
    429: Fault.RATE,
    499: Fault.CANCELLED,
    501: Fault.UNIMPLEMENTED,
    502: Fault.OVERLOADED,
    503: Fault.OVERLOADED,
    504: Fault.TIMEOUT,
    529: Fault.OVERLOADED,
}
# Files and caches of another account: of those the service says no more, and they are the caller's.
_NOT_THERE = re.compile(r"access the File|CachedContent not found")
_WRONG_PLACE = "location is not supported"


def refusal_of(error: GemstreamError) -> Refusal:
    """Return what the caller is told of ``error``, an upstream's or one of ours.

    An upstream's words are kept where they are about the request; redact them before.
    """
    if isinstance(error, APIError):
        return _of_upstream(error)
    if isinstance(error, InvalidParameter):
        return Refusal(Fault.INVALID, str(error), param=error.param, code=error.code)
    fault, message = next(
        ((fault, said) for kind, fault, said in _FAULTS if isinstance(error, kind)),
        (Fault.INTERNAL, _OURS),
    )
    delay = error.retry_delay if isinstance(error, RateLimited | BudgetExceeded) else None
    return Refusal(fault, message or str(error), retry_delay=delay)


def _of_upstream(error: APIError) -> Refusal:
    fault = _fault_of(error)
    if fault is Fault.UPSTREAM_AUTH:
        return Refusal(fault, _UNAVAILABLE)
    # An account's day is over: another may be asked long before, so the day is not told.
    is_daily = isinstance(error, ResourceExhausted) and error.daily
    delay = None if is_daily else error.retry_delay
    status = error.status if fault is Fault.INVALID and error.status in _OF_REQUESTS else None
    message = error.message
    if message.startswith(NO_ENVELOPE):  # behind it stand the words of a proxy's page
        message = f"{NO_ENVELOPE} {error.code} and gave no reason"
    return Refusal(fault, message, retry_delay=delay, status=status)


_OF_REQUESTS = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE")


def _fault_of(error: APIError) -> Fault:
    if error.code == 403 and _NOT_THERE.search(error.message):
        return Fault.NOT_FOUND
    if isinstance(error, Unauthenticated) or _WRONG_PLACE in error.message.lower():
        return Fault.UPSTREAM_AUTH
    known = _OF_CODES.get(error.code)
    if known is not None:
        return known
    return Fault.INVALID if 400 <= error.code < 500 else Fault.INTERNAL
