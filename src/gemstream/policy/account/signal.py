"""What an upstream's answer or failure says of the account that asked.

A caller must not be able to put an account out by what it sends: an error that its request may
have caused has no effect, and words are looked for only where the service alone writes them. The
one exception is a 403 that says nothing more: it is read as a word about the key.

Sources: the service's error page, google/api/error_reason.proto.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

import msgspec

from ...errors import (
    APIError,
    ConnectFailed,
    ConnectTimeout,
    GemstreamError,
    NotFound,
    PermissionDenied,
    ProtocolError,
    ResourceExhausted,
    TransportError,
    Unauthenticated,
)
from ...wire.status import NO_ENVELOPE
from .hint import next_minute, retry_hint, until_pacific_midnight

__all__ = ("SUCCEEDED", "Move", "Signal", "SignalKind", "read_signal")


class Move(enum.Enum):
    """Whether another account may be asked, while the caller has seen nothing."""

    NONE = "none"
    """The answer is the caller's."""
    FREE = "free"
    """Another account is asked, and it costs nothing of the retry budget."""
    PAID = "paid"
    """Another account is asked if the retry budget allows it."""
    ONCE = "once"
    """As PAID, and only if it is the first time for this request: the others fare no better."""


class SignalKind(enum.Enum):
    """What an answer says."""

    SUCCESS = "success"
    CALLER_FAULT = "caller_fault"
    DISABLED = "disabled"
    MODEL_MISSING = "model_missing"
    QUOTA_MINUTE = "quota_minute"
    QUOTA_DAY = "quota_day"
    SOFT_LIMIT = "soft_limit"
    """429 and not a word more."""
    OVERLOADED = "overloaded"
    """The model, for every account."""
    SOFT = "soft"
    UNREACHED = "unreached"
    """As SOFT, but nothing was sent."""

    @property
    def move(self) -> Move:
        """Whether another account may be asked."""
        return _MOVES[self]


_MOVES = {
    SignalKind.SUCCESS: Move.NONE,
    SignalKind.CALLER_FAULT: Move.NONE,
    SignalKind.DISABLED: Move.FREE,
    SignalKind.MODEL_MISSING: Move.FREE,
    SignalKind.QUOTA_MINUTE: Move.PAID,
    SignalKind.QUOTA_DAY: Move.PAID,
    SignalKind.SOFT_LIMIT: Move.PAID,
    SignalKind.OVERLOADED: Move.ONCE,
    SignalKind.SOFT: Move.PAID,
    SignalKind.UNREACHED: Move.FREE,
}


class Signal(msgspec.Struct, frozen=True, gc=False):
    """One verdict; ``delay``: seconds that the account, or the model, is to be left alone.

    ``cause`` is a word for metrics and logs, as ``API_KEY_INVALID`` or ``StreamInterrupted``; it
    never holds what a caller wrote.
    """

    kind: SignalKind
    delay: float | None = None
    cause: str = ""


SUCCEEDED = Signal(SignalKind.SUCCESS)

MODEL_MISSING_DELAY = 3600.0
_LEAST_DELAY = 1.0

# google.api.ErrorReason: what is wrong with the key or its project, whatever is asked.
_HARD_REASONS = frozenset(
    {
        "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        "ACCOUNT_STATE_INVALID",
        "API_KEY_ANDROID_APP_BLOCKED",
        "API_KEY_EXPIRED",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_INVALID",
        "API_KEY_IOS_APP_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED",
        "API_KEY_SERVICE_BLOCKED",
        "BILLING_DISABLED",
        "CONSUMER_INVALID",
        "CONSUMER_SUSPENDED",
        "CREDENTIALS_MISSING",
        "SERVICE_DISABLED",
        "USER_PROJECT_DENIED",
    }
)
_BAD_KEY = re.compile(r"API key (?:not valid|not found|expired)\b", re.I)
# A file or cache belongs to the account that made it: who names another's has made a mistake.
_OF_ANOTHER = re.compile(r"\b(?:cached ?contents?|files?|corp(?:us|ora)|operations?)\b", re.I)
_MODEL_OR_PLACE = re.compile(r"\b(?:models?|tunedModels|locations?|regions?|country)\b", re.I)
_PRECONDITION = re.compile(r"\b(?:location|country|region|billing)\b", re.I)
_OVERLOADED = re.compile(r"\boverloaded\b", re.I)
_NO_QUOTA = re.compile(r"\blimit: 0(?![\d.])")
_SHOWN = 4096


def read_signal(
    error: GemstreamError | None,
    *,
    wall: float,
    headers: Mapping[str, str] | None = None,
    names_resource: bool = False,
) -> Signal:
    """Return what ``error`` says of the account; None is an answer, whatever its finish reason.

    An error inside a stream that began with 200 is judged as if it had come first. ``headers``:
    those of the answer, names in small letters. ``wall``: seconds since 1970. ``names_resource``:
    the request names a file or cache, so a bare 403 may be about that and is the caller's. Errors
    of our own, as a limit or a budget, say nothing of the account.
    """
    if error is None:
        return SUCCEEDED
    if isinstance(error, APIError):
        retry_after = (headers or {}).get("retry-after")
        hint = retry_hint(error, retry_after=retry_after, wall=wall)
        if names_resource and isinstance(error, PermissionDenied) and not error.reason:
            return Signal(SignalKind.CALLER_FAULT, cause=str(error.code))
        return _of_answer(error, hint, wall)
    cause = type(error).__name__
    if isinstance(error, ConnectFailed | ConnectTimeout):
        return Signal(SignalKind.UNREACHED, cause=cause)
    if isinstance(error, TransportError | ProtocolError):
        return Signal(SignalKind.SOFT, cause=cause)
    return Signal(SignalKind.CALLER_FAULT, cause=cause)


def _of_answer(error: APIError, hint: float | None, wall: float) -> Signal:
    cause = error.reason if error.reason in _HARD_REASONS else str(error.code)
    if error.code in (401, 403, 404) and error.message.startswith(NO_ENVELOPE):
        return Signal(SignalKind.SOFT, cause=f"{cause} of a proxy")
    if _is_hard(error):
        return Signal(SignalKind.DISABLED, cause=cause)
    if isinstance(error, ResourceExhausted) or error.code == 429:
        return _of_quota(error, hint, wall)
    if error.code in (503, 529) or (error.code >= 500 and _says(_OVERLOADED, error)):
        return Signal(SignalKind.OVERLOADED, hint, cause)
    if _lacks_model(error):
        return Signal(SignalKind.MODEL_MISSING, MODEL_MISSING_DELAY, cause)
    # 501 is a method that the service does not have; 408 is its word for a timeout.
    is_soft = error.code == 408 or error.code < 400 or (error.code >= 500 and error.code != 501)
    return Signal(SignalKind.SOFT if is_soft else SignalKind.CALLER_FAULT, cause=cause)


def _is_hard(error: APIError) -> bool:
    if isinstance(error, Unauthenticated) or error.code == 401:
        return True
    if error.code in (400, 403) and error.reason in _HARD_REASONS:
        return True
    if error.code == 400:
        return _BAD_KEY.match(error.message) is not None
    if not isinstance(error, PermissionDenied):
        return False
    return not _says(_OF_ANOTHER, error) and not _says(_MODEL_OR_PLACE, error)


def _lacks_model(error: APIError) -> bool:
    if error.status == "FAILED_PRECONDITION":
        return _says(_PRECONDITION, error)
    if isinstance(error, NotFound | PermissionDenied):
        return not _says(_OF_ANOTHER, error)
    return False


def _of_quota(error: APIError, hint: float | None, wall: float) -> Signal:
    quotas = error.quotas if isinstance(error, ResourceExhausted) else ()
    if _says(_NO_QUOTA, error) or any(str(quota.get("quotaValue")) == "0" for quota in quotas):
        return Signal(SignalKind.MODEL_MISSING, MODEL_MISSING_DELAY, "429 limit 0")
    if isinstance(error, ResourceExhausted) and error.daily:
        return Signal(SignalKind.QUOTA_DAY, until_pacific_midnight(wall), "429")
    if quotas or hint is not None:
        delay = next_minute(wall) if hint is None else max(_LEAST_DELAY, hint)
        return Signal(SignalKind.QUOTA_MINUTE, delay, "429")
    return Signal(SignalKind.SOFT_LIMIT, cause="429")


def _says(words: re.Pattern[str], error: APIError) -> bool:
    return words.search(error.message[:_SHOWN]) is not None
