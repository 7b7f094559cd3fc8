"""What callers of each dialect are told when there is no answer."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from gemstream.errors import (
    BudgetExceeded,
    ConfigError,
    ConnectFailed,
    DecodeError,
    GemstreamError,
    IdleTimeout,
    InvalidRequest,
    MissingCredentials,
    RateLimited,
    StoreUnavailable,
    StreamInterrupted,
    StreamTruncated,
    UnsupportedMedia,
)
from gemstream.wire.dialect.dialect import Dialect
from gemstream.wire.dialect.refusal import Fault, Refusal, refusal_of
from gemstream.wire.dialect.refusal_form import encode_refusal, encode_stream_error
from gemstream.wire.status import api_error, decode_error

KEY_INVALID: list[dict[str, Any]] = [
    {
        "error": {
            "code": 400,
            "message": "API key not valid: AIzaSECRET.",
            "status": "INVALID_ARGUMENT",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                }
            ],
        }
    }
]

# Fault: HTTP and status of Gemini; HTTP, type and code of OpenAI; HTTP and type of Anthropic.
WORDS = {
    Fault.INVALID: "400 INVALID_ARGUMENT 400 invalid_request_error invalid_value "
    "400 invalid_request_error",
    Fault.UNSUPPORTED: "400 INVALID_ARGUMENT 400 invalid_request_error unsupported_parameter "
    "400 invalid_request_error",
    Fault.CLIENT_AUTH: "401 UNAUTHENTICATED 401 authentication_error invalid_api_key "
    "401 authentication_error",
    Fault.FORBIDDEN: "403 PERMISSION_DENIED 403 permission_error model_not_allowed "
    "403 permission_error",
    Fault.BUDGET: "429 RESOURCE_EXHAUSTED 429 insufficient_quota insufficient_quota "
    "402 billing_error",
    Fault.NOT_FOUND: "404 NOT_FOUND 404 invalid_request_error model_not_found 404 not_found_error",
    Fault.WRONG_METHOD: "405 UNIMPLEMENTED 405 invalid_request_error method_not_supported "
    "405 invalid_request_error",
    Fault.CONFLICT: "409 ABORTED 409 invalid_request_error conflict 409 invalid_request_error",
    Fault.CANCELLED: "499 CANCELLED 499 server_error cancelled 499 api_error",
    Fault.TOO_LARGE: "413 INVALID_ARGUMENT 413 invalid_request_error request_too_large "
    "413 request_too_large",
    Fault.RATE: "429 RESOURCE_EXHAUSTED 429 rate_limit_error rate_limit_exceeded "
    "429 rate_limit_error",
    Fault.OVERLOADED: "503 UNAVAILABLE 503 server_error overloaded 529 overloaded_error",
    Fault.NO_ACCOUNT: "503 UNAVAILABLE 503 server_error no_account 529 overloaded_error",
    Fault.UPSTREAM_AUTH: "503 UNAVAILABLE 503 server_error upstream_auth 500 api_error",
    Fault.UPSTREAM_MALFORMED: "502 UNAVAILABLE 502 server_error upstream_malformed 500 api_error",
    Fault.UPSTREAM_LOST: "502 UNAVAILABLE 502 server_error upstream_lost 500 api_error",
    Fault.INTERNAL: "500 INTERNAL 500 server_error internal_error 500 api_error",
    Fault.TIMEOUT: "504 DEADLINE_EXCEEDED 504 server_error timeout 504 timeout_error",
    Fault.UNIMPLEMENTED: "501 UNIMPLEMENTED 501 invalid_request_error unsupported "
    "400 invalid_request_error",
}


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_its_words_in_every_dialect(fault: Fault) -> None:
    refusal = Refusal(fault, "m")
    told: list[Any] = []
    for dialect in Dialect:
        status, _, body = encode_refusal(dialect, refusal, "r1")
        error = json.loads(body)["error"]
        told += [status, *(error[key] for key in ("status", "type", "code") if key in error)]
        if dialect is Dialect.GEMINI:
            assert told.pop() == status  # the code in the body
    assert " ".join(map(str, told)) == WORDS[fault]


def test_the_envelopes() -> None:
    refusal = Refusal(Fault.INVALID, "no", param="n", code="c")
    assert [encode_refusal(dialect, refusal, "r1")[2] for dialect in Dialect] == [
        b'{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}',
        b'{"error":{"message":"no","type":"invalid_request_error","param":"n","code":"c"}}',
        b'{"type":"error","error":{"type":"invalid_request_error","message":"no",'
        b'"details":{"error_code":"c"}},"request_id":"r1"}',
    ]


def test_the_delay_is_told_in_every_way_that_clients_read() -> None:
    refusal = Refusal(Fault.RATE, "slow down", retry_delay=0.25)
    headers = {dialect: dict(encode_refusal(dialect, refusal, "r1")[1]) for dialect in Dialect}
    assert {told["retry-after"] for told in headers.values()} == {"1"}
    assert headers[Dialect.OPENAI]["retry-after-ms"] == "250"
    assert headers[Dialect.ANTHROPIC]["request-id"] == "r1"
    assert {told["x-request-id"] for told in headers.values()} == {"r1"}
    status, _, body = encode_refusal(Dialect.GEMINI, refusal, "r1")
    assert decode_error(body, http_status=status).retry_delay == 0.25


# TV-62 and TV-35, and Anthropic's.
STREAM_ERRORS = {
    Dialect.GEMINI: b'{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}',
    Dialect.OPENAI: b'data: {"error":{"message":"overloaded","type":"server_error","param":null,'
    b'"code":"overloaded"}}\n\n',
    Dialect.ANTHROPIC: b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
    b'"message":"overloaded"},"request_id":"r1"}\n\n',
}


@pytest.mark.parametrize("dialect", Dialect)
def test_a_stream_breaks_off(dialect: Dialect) -> None:
    refusal = refusal_of(api_error(503, "overloaded"))
    later = Refusal(refusal.fault, refusal.message, retry_delay=3)
    assert encode_stream_error(dialect, refusal, "r1") == STREAM_ERRORS[dialect]
    assert encode_stream_error(dialect, later, "r1") == STREAM_ERRORS[dialect]


def test_the_key_of_an_account_is_never_told() -> None:
    """TV-61."""
    error = decode_error(json.dumps(KEY_INVALID).encode(), http_status=400)
    refusal = refusal_of(error)
    assert refusal.fault is Fault.UPSTREAM_AUTH
    for dialect in Dialect:
        status, _, body = encode_refusal(dialect, refusal, "r1")
        assert status in (500, 503)
        assert b"AIza" not in body and b"key" not in body


UPSTREAM = [
    (400, "bad", None, Fault.INVALID),
    (400, "User location is not supported for the API use.", "FAILED_PRECONDITION", "auth"),
    (401, "key expired", None, "auth"),
    (403, "Your API key was reported as leaked.", None, "auth"),
    (403, "You do not have permission to access the File x", None, Fault.NOT_FOUND),
    (404, "no such model", None, Fault.NOT_FOUND),
    (409, "aborted", None, Fault.CONFLICT),
    (413, "too large", None, Fault.TOO_LARGE),
    (418, "teapot", None, Fault.INVALID),
    (429, "quota", None, Fault.RATE),
    (499, "cancelled", None, Fault.CANCELLED),
    (500, "oops", None, Fault.INTERNAL),
    (501, "no", None, Fault.UNIMPLEMENTED),
    (503, "overloaded", None, Fault.OVERLOADED),
    (504, "deadline", None, Fault.TIMEOUT),
]


@pytest.mark.parametrize(("code", "message", "status", "fault"), UPSTREAM)
def test_upstream(code: int, message: str, status: str | None, fault: Fault | str) -> None:
    refusal = refusal_of(api_error(code, message, status=status))
    if fault == "auth":
        assert refusal.fault is Fault.UPSTREAM_AUTH and message not in refusal.message
    else:
        assert (refusal.fault, refusal.message) == (fault, message)


def test_the_words_of_gemini_about_a_request_stay() -> None:
    refusal = refusal_of(api_error(400, "m", status="OUT_OF_RANGE"))
    assert b'"OUT_OF_RANGE"' in encode_refusal(Dialect.GEMINI, refusal, "r1")[2]


OURS: list[tuple[GemstreamError, Fault, bool]] = [
    (InvalidRequest("said"), Fault.INVALID, True),
    (UnsupportedMedia("said"), Fault.INVALID, True),
    (ConfigError("said"), Fault.INTERNAL, False),
    (MissingCredentials("said"), Fault.NO_ACCOUNT, False),
    (RateLimited("said", retry_delay=2), Fault.RATE, True),
    (BudgetExceeded("said", max_cost=Decimal(1)), Fault.BUDGET, True),
    (IdleTimeout("said"), Fault.TIMEOUT, False),
    (ConnectFailed("said"), Fault.OVERLOADED, False),
    (StreamInterrupted("said"), Fault.UPSTREAM_LOST, False),
    (StreamTruncated("said"), Fault.UPSTREAM_LOST, False),
    (DecodeError("said"), Fault.UPSTREAM_MALFORMED, False),
    (StoreUnavailable("said"), Fault.OVERLOADED, False),
    (GemstreamError("said"), Fault.INTERNAL, False),
]


@pytest.mark.parametrize(("error", "fault", "is_said"), OURS, ids=lambda v: type(v).__name__)
def test_ours(error: GemstreamError, fault: Fault, is_said: bool) -> None:
    refusal = refusal_of(error)
    assert refusal.fault is fault
    assert ("said" in refusal.message) is is_said
    assert refusal.retry_delay == getattr(error, "retry_delay", None)
