"""A refusal → bytes, in the words and the framing of each dialect.

Before the answer began it is a response of its own; behind that, the last thing of the stream,
in the one form that the dialect's own clients take for an error.
"""

from __future__ import annotations

import math

import msgspec

from ..codec import JSONObject, encode
from ..status import RetryInfo, api_error, encode_error
from .dialect import Dialect
from .refusal import Fault, Refusal

__all__ = ("Headers", "encode_refusal", "encode_stream_error")

Headers = tuple[tuple[str, str], ...]


class _Words(msgspec.Struct, frozen=True):
    """How one fault is told: HTTP status and words for each dialect."""

    gemini: tuple[int, str]
    openai: tuple[int, str, str]  # HTTP, type, code
    anthropic: tuple[int, str]


_INVALID = "invalid_request_error"
_WORDS = {
    Fault.INVALID: _Words(
        (400, "INVALID_ARGUMENT"), (400, _INVALID, "invalid_value"), (400, _INVALID)
    ),
    Fault.UNSUPPORTED: _Words(
        (400, "INVALID_ARGUMENT"), (400, _INVALID, "unsupported_parameter"), (400, _INVALID)
    ),
    Fault.CLIENT_AUTH: _Words(
        (401, "UNAUTHENTICATED"),
        (401, "authentication_error", "invalid_api_key"),
        (401, "authentication_error"),
    ),
    Fault.FORBIDDEN: _Words(
        (403, "PERMISSION_DENIED"),
        (403, "permission_error", "model_not_allowed"),
        (403, "permission_error"),
    ),
    Fault.BUDGET: _Words(
        (429, "RESOURCE_EXHAUSTED"),
        (429, "insufficient_quota", "insufficient_quota"),
        (402, "billing_error"),
    ),
    Fault.NOT_FOUND: _Words(
        (404, "NOT_FOUND"), (404, _INVALID, "model_not_found"), (404, "not_found_error")
    ),
    Fault.WRONG_METHOD: _Words(
        (405, "UNIMPLEMENTED"), (405, _INVALID, "method_not_supported"), (405, _INVALID)
    ),
    Fault.CONFLICT: _Words((409, "ABORTED"), (409, _INVALID, "conflict"), (409, _INVALID)),
    Fault.CANCELLED: _Words(
        (499, "CANCELLED"), (499, "server_error", "cancelled"), (499, "api_error")
    ),
    Fault.TOO_LARGE: _Words(
        (413, "INVALID_ARGUMENT"), (413, _INVALID, "request_too_large"), (413, "request_too_large")
    ),
    Fault.RATE: _Words(
        (429, "RESOURCE_EXHAUSTED"),
        (429, "rate_limit_error", "rate_limit_exceeded"),
        (429, "rate_limit_error"),
    ),
    Fault.OVERLOADED: _Words(
        (503, "UNAVAILABLE"), (503, "server_error", "overloaded"), (529, "overloaded_error")
    ),
    Fault.NO_ACCOUNT: _Words(
        (503, "UNAVAILABLE"), (503, "server_error", "no_account"), (529, "overloaded_error")
    ),
    Fault.UPSTREAM_AUTH: _Words(
        (503, "UNAVAILABLE"), (503, "server_error", "upstream_auth"), (500, "api_error")
    ),
    Fault.UPSTREAM_MALFORMED: _Words(
        (502, "UNAVAILABLE"), (502, "server_error", "upstream_malformed"), (500, "api_error")
    ),
    Fault.UPSTREAM_LOST: _Words(
        (502, "UNAVAILABLE"), (502, "server_error", "upstream_lost"), (500, "api_error")
    ),
    Fault.INTERNAL: _Words(
        (500, "INTERNAL"), (500, "server_error", "internal_error"), (500, "api_error")
    ),
    Fault.TIMEOUT: _Words(
        (504, "DEADLINE_EXCEEDED"), (504, "server_error", "timeout"), (504, "timeout_error")
    ),
    Fault.UNIMPLEMENTED: _Words(
        (501, "UNIMPLEMENTED"), (501, _INVALID, "unsupported"), (400, _INVALID)
    ),
}


def encode_refusal(
    dialect: Dialect, refusal: Refusal, request_id: str
) -> tuple[int, Headers, bytes]:
    """Return the HTTP status, headers and body that tell ``refusal`` to a caller of ``dialect``.

    ``Retry-After`` is in whole seconds, at least 1; OpenAI's callers read milliseconds beside it,
    Gemini's a RetryInfo in the body. Header names are in lower case.
    """
    headers: list[tuple[str, str]] = [
        ("content-type", _CONTENT_TYPES[dialect]),
        ("x-request-id", request_id),
    ]
    if dialect is Dialect.ANTHROPIC:
        headers.append(("request-id", request_id))
    if refusal.fault is Fault.CLIENT_AUTH:
        headers.append(("www-authenticate", "Bearer"))  # RFC 9110 §15.5.2 asks for one
    if refusal.allow:
        headers.append(("allow", ", ".join(refusal.allow)))  # RFC 9110 §15.5.6 asks for it
    if refusal.retry_delay is not None:
        headers.append(("retry-after", _whole(refusal.retry_delay)))
        if dialect is Dialect.OPENAI:
            headers.append(("retry-after-ms", _whole(refusal.retry_delay * 1000)))
    words = _WORDS[refusal.fault]
    match dialect:
        case Dialect.GEMINI:
            return words.gemini[0], tuple(headers), _gemini(refusal, with_delay=True)
        case Dialect.OPENAI:
            return words.openai[0], tuple(headers), encode({"error": _openai(refusal)})
        case Dialect.ANTHROPIC:
            return words.anthropic[0], tuple(headers), encode(_anthropic(refusal, request_id))


def encode_stream_error(dialect: Dialect, refusal: Refusal, request_id: str) -> bytes:
    """Return the last bytes of a stream that breaks off; close it behind them.

    Gemini's are one naked line in a write of its own, as the service's; OpenAI's callers get no
    ``[DONE]``, Anthropic's no ``message_stop``: either would make it a whole answer.
    """
    match dialect:
        case Dialect.GEMINI:
            return _gemini(refusal, with_delay=False)
        case Dialect.OPENAI:
            return b"data: " + encode({"error": _openai(refusal)}) + b"\n\n"
        case Dialect.ANTHROPIC:
            return b"event: error\ndata: " + encode(_anthropic(refusal, request_id)) + b"\n\n"


_CONTENT_TYPES = {
    Dialect.GEMINI: "application/json; charset=UTF-8",
    Dialect.OPENAI: "application/json",
    Dialect.ANTHROPIC: "application/json",
}


def _whole(number: float) -> str:
    return str(max(1, math.ceil(number)))


def _gemini(refusal: Refusal, *, with_delay: bool) -> bytes:
    code, status = _WORDS[refusal.fault].gemini
    delay = refusal.retry_delay if with_delay else None
    details = () if delay is None else (RetryInfo.of(delay),)
    error = api_error(code, refusal.message, status=refusal.status or status, details=details)
    return encode_error(error)


def _openai(refusal: Refusal) -> JSONObject:
    _, kind, code = _WORDS[refusal.fault].openai
    return {
        "message": refusal.message,
        "type": kind,
        "param": refusal.param,
        "code": refusal.code or code,
    }


def _anthropic(refusal: Refusal, request_id: str) -> JSONObject:
    kind = _WORDS[refusal.fault].anthropic[1]
    error: JSONObject = {"type": kind, "message": refusal.message}
    if refusal.code is not None:
        error["details"] = {"error_code": refusal.code}
    return {"type": "error", "error": error, "request_id": request_id}
