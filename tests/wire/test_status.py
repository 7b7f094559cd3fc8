"""Error envelopes, both ways, in every shape they arrive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gemstream import errors
from gemstream.errors import APIError, NotFound, ResourceExhausted, Unauthenticated
from gemstream.wire.codec import decode_plain
from gemstream.wire.status import (
    BadRequest,
    QuotaFailure,
    RetryInfo,
    api_error,
    decode_error,
    encode_error,
    error_of,
)
from support.recorded import recorded

RPC = "type.googleapis.com/google.rpc."
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"


def quota(quota_id: str, delay: str = "47s", **violation: Any) -> list[dict[str, Any]]:
    return [
        {"@type": f"{RPC}Help", "links": [{"description": "d", "url": "https://example.com"}]},
        {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": quota_id, **violation}]},
        {"@type": f"{RPC}RetryInfo", "retryDelay": delay},
    ]


# Body, HTTP status → class, code, status, a piece of the message.
BODIES = [
    (b'{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}', 429,
     "ResourceExhausted", 429, "RESOURCE_EXHAUSTED", "m"),
    (b'[{\n "error": {"code":400,"message":"m","status":"INVALID_ARGUMENT"}\n}\n]', 400,
     "InvalidArgument", 400, "INVALID_ARGUMENT", "m"),
    (b'{"version":1,"error":{"status":"NOT_FOUND","message":"m","code":404}}', 404,
     "NotFound", 404, "NOT_FOUND", "m"),
    (b'{"error":{"message":"m"}}', 503, "Unavailable", 503, "UNAVAILABLE", "m"),
    (b'{"error":{"code":"invalid_request","message":"m"}}', 400,
     "InvalidArgument", 400, "INVALID_ARGUMENT", "m"),
    (b'{"error":{"code":"429","message":"m"}}', 500,
     "ResourceExhausted", 429, "RESOURCE_EXHAUSTED", "m"),
    (b'{"error":{"code":8,"message":"m","status":"RESOURCE_EXHAUSTED"}}', 500,
     "ResourceExhausted", 429, "RESOURCE_EXHAUSTED", "m"),
    (b'{"error":{"code":null,"message":"m","status":"UNAVAILABLE"}}', 500,
     "Unavailable", 503, "UNAVAILABLE", "m"),
    (b'{"error":{"code":true,"message":"m"}}', 403, "PermissionDenied", 403, "PERMISSION_DENIED",
     "m"),
    (b'{"error":{"code":1e400,"message":"m"}}', 500, "Internal", 500, "INTERNAL", "no error env"),
    (b'{"error":{"code":99999999999999999999,"message":"m"}}', 401, "Unauthenticated", 401,
     "UNAUTHENTICATED", "m"),
    (b'{"error":"invalid_grant"}', 401, "Unauthenticated", 401, "UNAUTHENTICATED", "invalid_grant"),
    (b'{"error":{"code":500}}', 500, "Internal", 500, "INTERNAL", "gave no message"),
    (b'{"error":{"code":500,"message":{"a":1}}}', 500, "Internal", 500, "INTERNAL", "{'a': 1}"),
    (b'{"error":null}', 502, "Unavailable", 502, "UNAVAILABLE", "no error envelope but"),
    (b"<html><h1>502 Bad Gateway</h1>", 502, "Unavailable", 502, "UNAVAILABLE",
     "'<html><h1>502 Bad Gateway</h1>'"),
    (b"", 504, "DeadlineExceeded", 504, "DEADLINE_EXCEEDED", "an empty body"),
    (b" \r\n", 500, "Internal", 500, "INTERNAL", "an empty body"),
    (b"\xff\xfe", 500, "Internal", 500, "INTERNAL", "no error envelope"),
    (b"[]", 500, "Internal", 500, "INTERNAL", "no error envelope"),
    (b"[1]", 418, "APIError", 418, "UNKNOWN", "no error envelope"),
    (b"null", 413, "InvalidArgument", 413, "INVALID_ARGUMENT", "no error envelope"),
    (b"[" * 100_000, 500, "Internal", 500, "INTERNAL", "no error envelope"),
    (b'{"error":{"code":409,"message":"m","status":"ABORTED"}}', 409, "APIError", 409, "ABORTED",
     "m"),
    (b'{"error":{"code":499,"message":"m","status":"CANCELLED"}}', 499, "Cancelled", 499,
     "CANCELLED", "m"),
    (b'{"error":{"code":400,"message":"m","status":"FAILED_PRECONDITION"}}', 400,
     "InvalidArgument", 400, "FAILED_PRECONDITION", "m"),
    (b'{"error":{"code":400,"message":"m","status":"A_NEW_ONE"}}', 400, "InvalidArgument", 400,
     "A_NEW_ONE", "m"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "http", "kind", "code", "status", "said"), BODIES)
def test_an_error_body_is_understood_in_every_shape(
    body: bytes, http: int, kind: str, code: int, status: str, said: str
) -> None:
    error = decode_error(body, http_status=http)
    assert type(error) is getattr(errors, kind)
    assert (error.code, error.status) == (code, status)
    assert said in error.message
    assert len(str(error)) < 600


@pytest.mark.parametrize("details", [None, 5, True, "x", {"a": 1}, [1, None, "s"], [[]]])
def test_details_of_another_shape_are_passed_over(details: Any) -> None:
    assert error_of({"code": 500, "message": "m", "details": details}).details == ()


# Every detail we know, and every kind of one that we do not.
DETAILS = [
    {"@type": f"{RPC}ErrorInfo", "reason": "R", "domain": "d", "metadata": {"a_b": "c"}},
    {"@type": f"{RPC}RetryInfo", "retryDelay": "38.8s"},
    {"@type": f"{RPC}RetryInfo", "retryDelay": {"seconds": 47}},
    {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": "q", "quotaValue": "20", "new": 1}]},
    {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": "q", "quotaValue": 20}]},
    {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaDimensions": {"model": "m"}}]},
    {"@type": f"{RPC}BadRequest", "fieldViolations": [{"field": "f", "description": "d"}]},
    {"@type": f"{RPC}Help", "links": [{"url": "u", "snake_case": None}]},
    {"@type": f"{RPC}LocalizedMessage", "locale": "de", "message": "nein", "new": {"x": []}},
    {"@type": f"{RPC}DebugInfo", "detail": "d", "stackEntries": ["a"]},
    {"@type": f"{RPC}Tomorrow", "x_y": {"z": None}},
    {"@type": "type.googleapis.com/google.cloud.Other", "reason": "OTHER"},
    {"@type": 5},
    {"noType": True},
    {},
]


@pytest.mark.parametrize("detail", DETAILS)
def test_a_detail_comes_back_as_it_came(detail: dict[str, Any]) -> None:
    envelope = {"code": 429, "message": "m…\u2028", "status": "RESOURCE_EXHAUSTED"}
    body = json.dumps({"error": {**envelope, "details": [detail]}}).encode()
    again = encode_error(decode_error(body, http_status=500))
    assert decode_plain(again) == decode_plain(body)
    assert again.startswith(b'{"error":{"code":429,') and b"\n" not in again


@pytest.mark.parametrize(
    ("details", "daily"),
    [
        (quota(PER_MINUTE), False),
        (quota(PER_DAY), True),
        (quota("GenerateRequestsPerDayPerProjectPerModel", quotaValue=20), True),
        (quota(PER_MINUTE) + quota(PER_DAY), True),
        (list(reversed(quota(PER_DAY))), True),
        (quota("", quotaMetric="example.com/generate_requests_per_model_per_day"), True),
        ([{"@type": f"{RPC}ErrorInfo", "metadata": {"quota_limit": "DefaultPerDayPerProject"}}],
         True),
        ([{"@type": f"{RPC}ErrorInfo", "metadata": {"quota_limit": "PerMinutePerProject"}}], False),
        ([{"@type": f"{RPC}ErrorInfo", "metadata": {"quota_limit": 5}}], False),
        ([], False),
    ],
)  # fmt: skip
def test_a_daily_quota_is_told_from_one_that_passes(details: list[Any], daily: bool) -> None:
    error = error_of({"code": 429, "message": "m", "details": details})
    assert isinstance(error, ResourceExhausted)
    assert (error.daily, error.retryable) == (daily, not daily)


def test_the_violated_quotas_are_listed_as_the_service_lists_them() -> None:
    error = error_of({"code": 429, "details": quota(PER_MINUTE, quotaValue="20")})
    assert isinstance(error, ResourceExhausted)
    assert error.quotas == [{"quotaId": PER_MINUTE, "quotaValue": "20"}]


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("47s", 47.0), ("38.8s", 38.8), ("0s", 0.0), ("-5s", 0.0), ("soon", None), ("", None)],
)
def test_the_delay_the_service_asks_for_is_read(delay: str, seconds: float | None) -> None:
    error = error_of({"code": 429, "details": quota(PER_MINUTE, delay)})
    assert error.retry_delay == seconds


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("models/a is retired, please use models/gemini-3.8-flash.", "models/gemini-3.8-flash"),
        ("Use models/gemini-3.8-flash instead.", "models/gemini-3.8-flash"),
        ("use the `models/gemini-flash-latest`, or", "models/gemini-flash-latest"),
        ("use 'models/b'", "models/b"),
        ("models/a is not found for API version v1", None),
        ("models/a because models/b", None),
        ("use a newer model", None),
    ],
)
def test_the_replacement_that_the_service_names_is_found(message: str, named: str | None) -> None:
    error = api_error(404, message)
    assert isinstance(error, NotFound)
    assert error.replacement == named


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        (400, False),
        (401, False),
        (403, False),
        (404, False),
        (408, True),
        (409, False),
        (413, False),
        (429, True),
        (499, False),
        (500, True),
        (501, False),
        (502, True),
        (503, True),
        (504, True),
        (418, False),
        (599, False),
    ],
)
def test_what_passes_may_be_tried_again(code: int, retryable: bool) -> None:
    assert api_error(code, "m").retryable is retryable


# --- recorded --------------------------------------------------------------------------------


def recorded_error(name: str, http_status: int) -> APIError:
    return decode_error(recorded(name), http_status=http_status)


def test_a_recorded_bad_key_is_unauthenticated() -> None:
    error = recorded_error("unary-failure-api-key.json", 400)
    assert type(error) is Unauthenticated
    assert (error.code, error.status, error.reason) == (400, "INVALID_ARGUMENT", "API_KEY_INVALID")
    assert error.message == "API key not valid. Please pass a valid API key."
    assert not error.retryable


def test_a_recorded_disabled_api_is_a_permission_denied() -> None:
    error = recorded_error("unary-failure-generativelanguage-api-not-enabled.json", 403)
    assert type(error) is errors.PermissionDenied
    assert error.reason == "SERVICE_DISABLED"


def test_a_recorded_unknown_model_is_not_found_and_names_no_replacement() -> None:
    error = recorded_error("unary-failure-unknown-model.json", 404)
    assert isinstance(error, NotFound)
    assert "models/gemini-5.0-flash is not found for API version v1" in error.message
    assert error.replacement is None


def test_a_recorded_refusal_of_a_stream_is_an_invalid_argument() -> None:
    error = recorded_error("streaming-failure-image-rejected.txt", 400)
    assert str(error) == "400 INVALID_ARGUMENT: Request contains an invalid argument."


def test_a_refusal_of_our_own_reads_like_the_service() -> None:
    ours = api_error(429, "slow down", details=[RetryInfo.of(2.5), QuotaFailure(), BadRequest()])
    theirs = decode_error(encode_error(ours), http_status=200)
    assert type(theirs) is ResourceExhausted
    assert (theirs.retry_delay, theirs.details) == (2.5, ours.details)
