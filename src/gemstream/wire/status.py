"""The error envelope ``{"error": {code, message, status, details}}`` ↔ APIError.

Both directions: the client decodes it, emulator and relay encode it, so a caller cannot tell
whose refusal it is. Known detail types become messages; the others stay plain dicts.

Source: https://google.aip.dev/193, google/rpc/error_details.proto.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..errors import (
    APIError,
    Cancelled,
    DeadlineExceeded,
    DecodeError,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from .codec import JSONObject, Message, decode_plain, encode, from_plain, to_plain
from .scalar import decode_duration, encode_duration

__all__ = (
    "NO_ENVELOPE",
    "BadRequest",
    "DebugInfo",
    "ErrorInfo",
    "FieldViolation",
    "Help",
    "LocalizedMessage",
    "QuotaFailure",
    "QuotaViolation",
    "RetryInfo",
    "api_error",
    "decode_error",
    "encode_error",
    "error_of",
)

_TYPE_PREFIX = "type.googleapis.com/google.rpc."
_EXCERPT = 300
# How the message of an error begins that no service wrote: a proxy's page, or nothing at all.
NO_ENVELOPE = "the service answered HTTP"


class ErrorInfo(Message):
    """Why, in a word for programs: ``reason`` as API_KEY_INVALID, and its ``domain``."""

    reason: str | None = None
    domain: str | None = None
    metadata: dict[str, str] | None = None


class RetryInfo(Message):
    """How long to wait before the next try, as a Duration."""

    retry_delay: str | None = None

    @classmethod
    def of(cls, seconds: float) -> RetryInfo:
        """Return a RetryInfo of ``seconds``."""
        return cls(retry_delay=encode_duration(seconds))


class QuotaViolation(Message):
    """One used-up quota."""

    quota_metric: str | None = None
    quota_id: str | None = None
    quota_dimensions: dict[str, str] | None = None
    quota_value: str | int | None = None
    subject: str | None = None
    description: str | None = None


class QuotaFailure(Message):
    """Which quotas are used up."""

    violations: Sequence[QuotaViolation] = ()


class FieldViolation(Message):
    """What is wrong with one field of the request."""

    field: str | None = None
    description: str | None = None


class BadRequest(Message):
    """Which fields of the request are wrong."""

    field_violations: Sequence[FieldViolation] = ()


class Help(Message):
    """Where to read more."""

    links: Sequence[JSONObject] = ()


class LocalizedMessage(Message):
    """The message in the reader's language."""

    locale: str | None = None
    message: str | None = None


class DebugInfo(Message):
    """Detail for the service's developers."""

    detail: str | None = None


_DETAILS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (ErrorInfo, RetryInfo, QuotaFailure, BadRequest, Help, LocalizedMessage, DebugInfo)
}

# google/rpc/code.proto gives each name its HTTP code; the first name of a code is its default.
_CODES: tuple[tuple[int, str, type[APIError]], ...] = (
    (400, "INVALID_ARGUMENT", InvalidArgument),
    (400, "FAILED_PRECONDITION", InvalidArgument),
    (400, "OUT_OF_RANGE", InvalidArgument),
    (401, "UNAUTHENTICATED", Unauthenticated),
    (403, "PERMISSION_DENIED", PermissionDenied),
    (404, "NOT_FOUND", NotFound),
    (408, "DEADLINE_EXCEEDED", DeadlineExceeded),
    (409, "ABORTED", APIError),
    (409, "ALREADY_EXISTS", APIError),
    (413, "INVALID_ARGUMENT", InvalidArgument),
    (429, "RESOURCE_EXHAUSTED", ResourceExhausted),
    (499, "CANCELLED", Cancelled),
    (500, "INTERNAL", Internal),
    (500, "UNKNOWN", Internal),
    (500, "DATA_LOSS", Internal),
    (501, "UNIMPLEMENTED", Internal),
    (502, "UNAVAILABLE", Unavailable),
    (503, "UNAVAILABLE", Unavailable),
    (504, "DEADLINE_EXCEEDED", DeadlineExceeded),
)
_CODE_OF = {"UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504, "INVALID_ARGUMENT": 400} | {
    name: code
    for code, name, _ in reversed(_CODES)
    if name not in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "INVALID_ARGUMENT")
}
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
_REPLACEMENT = re.compile(r"\b[Uu]se\s+(?:the\s+)?[`'\"]?(models/[A-Za-z0-9._@-]*[A-Za-z0-9])")


_HTTP_CODE = re.compile(r"[1-5]\d\d", re.ASCII)
# quotaId as GenerateRequestsPerDayPerProject…, quotaMetric as generate_requests_per_model_per_day.
_PER_DAY = re.compile(r"PerDay|_per_day\b")


def api_error(
    code: int,
    message: str,
    *,
    status: str | None = None,
    details: Sequence[Message | JSONObject] = (),
    hint: str = "",
) -> APIError:
    """Return the error of the class that ``code`` and ``details`` call for, facts filled in."""
    status = status or _default_status(code)
    kind = _class_of(code, status, details)
    delay = next((_delay(d) for d in details if isinstance(d, RetryInfo)), None)
    error = kind(message, code=code, status=status, details=details, retry_delay=delay, hint=hint)
    error.retryable = code in _RETRYABLE
    if isinstance(error, NotFound) and (named := _REPLACEMENT.search(message)):
        error.replacement = named[1]
    if isinstance(error, ResourceExhausted):
        _note_quotas(error)
    return error


def decode_error(body: bytes, *, http_status: int) -> APIError:
    """Return the error in the body of a failed request.

    An array of one (the stream's JSON form) is unwrapped; a body that holds no envelope (an HTML
    page of some proxy, nothing at all) becomes an error of the HTTP status with its beginning.
    """
    try:
        plain = decode_plain(body)
    except DecodeError:
        plain = None
    if isinstance(plain, list) and plain:
        plain = plain[0]
    if isinstance(plain, dict) and plain.get("error"):
        return error_of(plain["error"], http_status=http_status)
    excerpt = body[:_EXCERPT].decode("utf-8", "replace").strip()
    said = f"no error envelope but {excerpt!r}" if excerpt else "an empty body"
    return api_error(http_status, f"{NO_ENVELOPE} {http_status} with {said}")


def error_of(error: Any, *, http_status: int = 500) -> APIError:
    """Return the error that the value of an ``error`` field means.

    Tolerates a missing or non-numeric code, the code of a gRPC status, details of any shape and
    an ``error`` that is a plain string.
    """
    if not isinstance(error, dict):
        return api_error(http_status, str(error))
    status = error.get("status")
    code = _http_code(error.get("code")) or _CODE_OF.get(str(status), http_status)
    listed = error.get("details")
    listed = listed if isinstance(listed, list) else ()
    details = [_decode_detail(d) for d in listed if isinstance(d, dict)]
    message = str(error.get("message") or "the service gave no message")
    return api_error(code, message, status=status and str(status), details=details)


def encode_error(error: APIError) -> bytes:
    """Return the envelope of ``error`` on one line, ``error`` the first key, ``code`` a number."""
    envelope: JSONObject = {"code": error.code, "message": error.message, "status": error.status}
    if error.details:
        envelope["details"] = [_encode_detail(detail) for detail in error.details]
    return encode({"error": envelope})


def _http_code(code: Any) -> int | None:
    """Return ``code`` as an HTTP code; None for a word, or one of gRPC's codes (0 to 16)."""
    if isinstance(code, str) and _HTTP_CODE.fullmatch(code):
        code = int(code)
    is_number = isinstance(code, int) and not isinstance(code, bool)
    return code if is_number and 100 <= code <= 599 else None


def _default_status(code: int) -> str:
    known = next((name for known, name, _ in _CODES if known == code), None)
    return known or ("INTERNAL" if code >= 500 else "UNKNOWN")


def _class_of(code: int, status: str, details: Sequence[Message | JSONObject]) -> type[APIError]:
    reasons = {detail.reason for detail in details if isinstance(detail, ErrorInfo)}
    if "API_KEY_INVALID" in reasons:  # the service says 400; what failed is the key
        return Unauthenticated
    for known, name, kind in _CODES:
        if known == code and (name == status or kind is not APIError):
            return kind
    # UNKNOWN is also what we call a code that the table does not list, as 418.
    named = status != "UNKNOWN" or code >= 500
    by_name = next((kind for _, name, kind in _CODES if named and name == status), None)
    return by_name or (Internal if code >= 500 else APIError)


def _note_quotas(error: ResourceExhausted) -> None:
    failures = [detail for detail in error.details if isinstance(detail, QuotaFailure)]
    violations = [violation for failure in failures for violation in failure.violations]
    error.quotas = [to_plain(violation) for violation in violations]
    # retryDelay of a per-day quota is misleadingly short: the day wins.
    names = [name for v in violations for name in (v.quota_id, v.quota_metric)]
    infos = [detail.metadata or {} for detail in error.details if isinstance(detail, ErrorInfo)]
    names += [info.get(key) for info in infos for key in ("quota_limit", "quota_metric")]
    error.daily = any(_PER_DAY.search(str(name)) for name in names)
    error.retryable = not error.daily


def _delay(info: RetryInfo) -> float | None:
    try:
        return max(0.0, decode_duration(info.retry_delay)) if info.retry_delay else None
    except DecodeError:
        return None


def _decode_detail(plain: JSONObject) -> Message | JSONObject:
    kind = _DETAILS.get(str(plain.get("@type", "")).removeprefix(_TYPE_PREFIX))
    if kind is None:
        return plain
    try:
        return from_plain({key: value for key, value in plain.items() if key != "@type"}, kind)
    except DecodeError:
        return plain


def _encode_detail(detail: Any) -> JSONObject:
    if isinstance(detail, Message):
        return {"@type": _TYPE_PREFIX + type(detail).__name__, **to_plain(detail)}
    return dict(detail)
