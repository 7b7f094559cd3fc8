"""What an upstream's answer says: every row of the scheduler's table, and what looks like one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.emulator import refusal
from gemstream.errors import (
    BudgetExceeded,
    ConnectFailed,
    ConnectTimeout,
    DecodeError,
    FirstChunkTimeout,
    GemstreamError,
    IdleTimeout,
    InvalidRequest,
    RateLimited,
    StreamInterrupted,
    StreamTruncated,
    TotalTimeout,
)
from gemstream.policy.account.signal import SUCCEEDED, Move, Signal, SignalKind, read_signal
from gemstream.policy.account.wish import Wish
from gemstream.wire.status import (
    ErrorInfo,
    QuotaFailure,
    QuotaViolation,
    RetryInfo,
    api_error,
    decode_error,
    error_of,
)

# 2026-07-01 12:00:42 in US/Pacific.
WALL = 1_782_932_442.0
PER_MINUTE = QuotaFailure(
    violations=[QuotaViolation(quota_id="GenerateRequestsPerMinutePerProjectPerModel-FreeTier")]
)
PER_DAY = QuotaFailure(
    violations=[QuotaViolation(quota_id="GenerateRequestsPerDayPerProjectPerModel-FreeTier")]
)
NO_QUOTA = QuotaFailure(
    violations=[QuotaViolation(quota_id="GenerateRequestsPerDay", quota_value="0")]
)
HOUR, TO_MIDNIGHT = 3600.0, 12 * 3600.0 - 42.0


def said(code: int, message: str = "said", *details: Any, status: str | None = None) -> Any:
    return api_error(code, message, status=status, details=details)


def reason(code: int, word: str) -> Any:
    return said(code, "said", ErrorInfo(reason=word))


def signal(error: GemstreamError | None, headers: Mapping[str, str] | None = None) -> Signal:
    return read_signal(error, wall=WALL, headers=headers)


KINDS: list[tuple[GemstreamError | None, SignalKind, float | None]] = [
    (None, SignalKind.SUCCESS, None),
    # the caller's own
    (said(400), SignalKind.CALLER_FAULT, None),
    (said(400, "The model is overloaded with location and billing"), SignalKind.CALLER_FAULT, None),
    (said(400, "tool 'API key not valid' is no name"), SignalKind.CALLER_FAULT, None),
    (said(400, status="OUT_OF_RANGE"), SignalKind.CALLER_FAULT, None),
    (refusal.too_large(1), SignalKind.CALLER_FAULT, None),
    (refusal.missing_cache("cachedContents/1"), SignalKind.CALLER_FAULT, None),
    (
        said(403, "You do not have permission to access the File abc or it may not exist."),
        SignalKind.CALLER_FAULT,
        None,
    ),
    (said(403, "CachedContent not found (or permission denied)"), SignalKind.CALLER_FAULT, None),
    (said(409), SignalKind.CALLER_FAULT, None),
    (said(413), SignalKind.CALLER_FAULT, None),
    (said(499), SignalKind.CALLER_FAULT, None),
    (said(501), SignalKind.CALLER_FAULT, None),
    (InvalidRequest("cannot be sent"), SignalKind.CALLER_FAULT, None),
    (RateLimited("ours"), SignalKind.CALLER_FAULT, None),
    (BudgetExceeded("ours", max_cost=1), SignalKind.CALLER_FAULT, None),  # type: ignore[arg-type]
    # the key
    (refusal.bad_key(), SignalKind.DISABLED, None),
    (said(400, "API key expired. Please renew the API key."), SignalKind.DISABLED, None),
    (refusal.missing_credentials(), SignalKind.DISABLED, None),
    (said(401), SignalKind.DISABLED, None),
    (said(403, "The caller does not have permission"), SignalKind.DISABLED, None),
    (said(403, "Your API key was reported as leaked."), SignalKind.DISABLED, None),
    (reason(403, "CONSUMER_SUSPENDED"), SignalKind.DISABLED, None),
    (reason(403, "SERVICE_DISABLED"), SignalKind.DISABLED, None),
    (reason(403, "API_KEY_SERVICE_BLOCKED"), SignalKind.DISABLED, None),
    # the model, or where the account is
    (refusal.unknown_model("models/x", "v1beta", "g"), SignalKind.MODEL_MISSING, HOUR),
    (refusal.retired_model("models/x", "models/y"), SignalKind.MODEL_MISSING, HOUR),
    (refusal.unknown_publisher_model("p/m"), SignalKind.MODEL_MISSING, HOUR),
    (said(404, "Requested entity was not found."), SignalKind.MODEL_MISSING, HOUR),
    (said(403, "You may not use this model."), SignalKind.MODEL_MISSING, HOUR),
    (said(403, "Not available in your location."), SignalKind.MODEL_MISSING, HOUR),
    (
        said(400, "User location is not supported.", status="FAILED_PRECONDITION"),
        SignalKind.MODEL_MISSING,
        HOUR,
    ),
    (said(429, "Quota exceeded, limit: 0, model: x"), SignalKind.MODEL_MISSING, HOUR),
    (said(429, "said", NO_QUOTA), SignalKind.MODEL_MISSING, HOUR),
    # quotas
    (said(429, "said", PER_MINUTE, RetryInfo.of(38.5)), SignalKind.QUOTA_MINUTE, 38.5),
    (said(429, "said", PER_MINUTE, RetryInfo.of(0.2)), SignalKind.QUOTA_MINUTE, 1.0),
    (said(429, "said", PER_MINUTE), SignalKind.QUOTA_MINUTE, 18.0),
    (said(429, "said, limit: 10", PER_MINUTE), SignalKind.QUOTA_MINUTE, 18.0),
    (said(429, "said", RetryInfo.of(7)), SignalKind.QUOTA_MINUTE, 7.0),
    (said(429, "said", PER_DAY, RetryInfo.of(2)), SignalKind.QUOTA_DAY, TO_MIDNIGHT),
    (said(429, "said", PER_MINUTE, PER_DAY), SignalKind.QUOTA_DAY, TO_MIDNIGHT),
    (refusal.over_quota([], "m", bare=True), SignalKind.SOFT_LIMIT, None),
    # the model, for everybody
    (said(503), SignalKind.OVERLOADED, None),
    (said(503, "said", RetryInfo.of(9)), SignalKind.OVERLOADED, 9.0),
    (said(529), SignalKind.OVERLOADED, None),
    (said(500, "The model is overloaded."), SignalKind.OVERLOADED, None),
    # failures
    (said(500), SignalKind.SOFT, None),
    (said(502), SignalKind.SOFT, None),
    (said(504), SignalKind.SOFT, None),
    (said(408), SignalKind.SOFT, None),
    (said(302), SignalKind.SOFT, None),
    (StreamInterrupted("reset"), SignalKind.SOFT, None),
    (StreamTruncated("cut"), SignalKind.SOFT, None),
    (DecodeError("garbage"), SignalKind.SOFT, None),
    (FirstChunkTimeout("slow"), SignalKind.SOFT, None),
    (IdleTimeout("slow"), SignalKind.SOFT, None),
    (TotalTimeout("slow"), SignalKind.SOFT, None),
    (ConnectFailed("refused"), SignalKind.UNREACHED, None),
    (ConnectTimeout("slow"), SignalKind.UNREACHED, None),
]


@pytest.mark.parametrize(("error", "kind", "delay"), KINDS, ids=lambda value: str(value)[:60])
def test_the_table(error: GemstreamError | None, kind: SignalKind, delay: float | None) -> None:
    found = signal(error)
    assert (found.kind, found.delay) == (kind, delay)


@pytest.mark.parametrize(
    ("kind", "move"),
    [
        (SignalKind.SUCCESS, Move.NONE),
        (SignalKind.CALLER_FAULT, Move.NONE),
        (SignalKind.DISABLED, Move.FREE),
        (SignalKind.MODEL_MISSING, Move.FREE),
        (SignalKind.UNREACHED, Move.FREE),
        (SignalKind.QUOTA_MINUTE, Move.PAID),
        (SignalKind.QUOTA_DAY, Move.PAID),
        (SignalKind.SOFT_LIMIT, Move.PAID),
        (SignalKind.SOFT, Move.PAID),
        (SignalKind.OVERLOADED, Move.ONCE),
    ],
)
def test_where_a_request_goes_on(kind: SignalKind, move: Move) -> None:
    assert kind.move is move
    following = Wish(model="m").after("a", Signal(kind))
    assert (following is None) == (move is Move.NONE)
    if following is not None:
        assert following.tried == ("a",)
        assert following.is_paid == (move is not Move.FREE)


@pytest.mark.parametrize(
    ("details", "message", "headers", "delay"),
    [
        ([RetryInfo.of(5)], "retry in 9s", {"retry-after": "11"}, 5.0),
        (
            [ErrorInfo(metadata={"quotaResetDelay": "1m2.5s"})],
            "retry in 9s",
            {"retry-after": "11"},
            62.5,
        ),
        ([ErrorInfo(metadata={"quotaResetDelay": "7373.801628ms"})], "", {}, 7.373801628),
        ([ErrorInfo(metadata={"quotaResetDelay": "soon"})], "", {"retry-after": "11"}, 11.0),
        ([], "Please retry in 9.5s.", {"retry-after": "11"}, 9.5),
        ([], "Your quota will reset after 2500 ms.", {}, 2.5),
        ([], "", {"retry-after": "11"}, 11.0),
        ([], "", {"retry-after": "Wed, 01 Jul 2026 19:01:12 GMT"}, 30.0),
        ([], "", {"retry-after": "Wed, 01 Jul 2020 19:01:12 GMT"}, 1.0),
        ([], "", {"retry-after": "99999999999999999999999"}, 86_400.0),
        ([PER_MINUTE], "", {"retry-after": "next week"}, 18.0),
    ],
)
def test_the_best_hint_counts(
    details: list[Any], message: str, headers: dict[str, str], delay: float
) -> None:
    found = signal(said(429, message, *details), headers)
    assert (found.kind, found.delay) == (SignalKind.QUOTA_MINUTE, pytest.approx(delay))


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_page_of_a_proxy_does_not_disable_the_account(code: int) -> None:
    page = decode_error(b"<html>Access denied: upload of files blocked</html>", http_status=code)
    assert signal(page).kind is SignalKind.SOFT


def test_an_error_inside_a_stream_of_200_is_judged_as_if_it_came_first() -> None:
    inside = error_of({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m"})
    assert signal(inside).kind is SignalKind.SOFT_LIMIT
    assert signal(error_of({"status": "UNAVAILABLE"})).kind is SignalKind.OVERLOADED


def test_the_cause_is_a_word_of_the_service_and_never_its_message() -> None:
    assert signal(refusal.bad_key()).cause == "API_KEY_INVALID"
    assert signal(reason(400, "secret of the caller")).cause == "400"
    assert signal(StreamInterrupted("secret")).cause == "StreamInterrupted"
    assert signal(None) is SUCCEEDED


@given(st.binary(max_size=300), st.integers(300, 599), st.text(max_size=40))
def test_any_body_and_header_is_judged(body: bytes, code: int, header: str) -> None:
    found = signal(decode_error(body, http_status=code), {"retry-after": header})
    assert found.kind is not SignalKind.SUCCESS
    assert found.delay is None or 0 <= found.delay <= 86_400 + 3600


@given(st.text(max_size=200))
def test_no_words_of_a_caller_disable_an_account(echo: str) -> None:
    # The service repeats what a caller wrote behind words of its own.
    echoed = api_error(400, f"Invalid value at 'contents[0]', {echo}")
    assert signal(echoed).kind is SignalKind.CALLER_FAULT
