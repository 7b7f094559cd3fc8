"""A secret is nowhere in an error that the service puts it into."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gemstream.errors import DecodeError, NotFound, ResourceExhausted
from gemstream.policy.redaction import redacted, without_tokens
from gemstream.wire.status import error_of

SECRET = "AIza-secret"


def redact(data: bytes) -> bytes:
    return data.replace(SECRET.encode(), b"[redacted]")


def typed(name: str, **fields: Any) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/google.rpc.{name}", **fields}


def nested(depth: int) -> Any:
    inner: Any = SECRET
    for _ in range(depth):
        inner = {"in": [inner]}
    return inner


ERRORS: dict[str, dict[str, Any]] = {
    "words": {"message": f"key {SECRET}"},
    "a status": {"status": SECRET},
    "typed details": {"details": [typed("ErrorInfo", reason=SECRET, metadata={SECRET: SECRET})]},
    "a list in details": {
        "details": [typed("BadRequest", fieldViolations=[{"description": f"of {SECRET}"}])]
    },
    "plain objects in details": {"details": [typed("Help", links=[{"url": SECRET}])]},
    "an unknown field": {"details": [typed("DebugInfo", news={"key": [SECRET]})]},
    "an unknown detail": {"details": [{"@type": "x", "deep": nested(400)}]},
}


@pytest.mark.parametrize("case", ERRORS)
def test_no_part_of_an_error_keeps_the_secret(case: str) -> None:
    error = redacted(error_of({"code": 400, "message": "no"} | ERRORS[case]), redact)
    told = f"{error} {error.args} {error.message} {error.status} {error.details!r}"
    assert SECRET not in told
    assert "[redacted]" in told


def test_neither_do_the_facts_that_are_taken_out_of_it() -> None:
    quota = typed("QuotaFailure", violations=[{"quotaId": SECRET, "description": SECRET}])
    full = redacted(error_of({"code": 429, "message": "no", "details": [quota]}), redact)
    assert isinstance(full, ResourceExhausted)
    assert SECRET not in repr(full.quotas)
    gone = redacted(error_of({"code": 404, "message": f"use models/{SECRET}"}), redact)
    assert isinstance(gone, NotFound)
    assert gone.replacement == "models/[redacted]"
    broken = redacted(DecodeError(f"at {SECRET}", excerpt=SECRET.encode()), redact)
    assert (str(broken), broken.excerpt) == ("at [redacted]", b"[redacted]")


def test_what_holds_no_secret_stays_as_it_is() -> None:
    plain = {"code": 429, "message": "no", "details": [typed("RetryInfo", retryDelay="3s")]}
    error = redacted(error_of(plain), redact)
    assert error.details == error_of(plain).details
    assert error.retry_delay == 3


def test_the_name_of_a_token_is_a_secret() -> None:
    said = json.dumps({"message": "auth_tokens/abc is used up"}).encode()
    assert b"abc" not in without_tokens(said)
