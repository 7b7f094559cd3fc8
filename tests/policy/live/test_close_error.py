"""How a session ended → the error that REST would have given."""

from __future__ import annotations

import pytest

from gemstream.errors import (
    APIError,
    DeadlineExceeded,
    GemstreamError,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ProtocolError,
    ResourceExhausted,
    StreamInterrupted,
    Unauthenticated,
    Unavailable,
)
from gemstream.policy.live.close_error import BY_CODE, close_error, is_clean
from gemstream.policy.live.server_event import Closed

# Code, reason, error, its HTTP code, and whether another try may do better.
CLOSES: list[tuple[int, str, type[GemstreamError], int | None, bool]] = [
    (1006, "", StreamInterrupted, None, True),
    (1015, "", StreamInterrupted, None, True),
    (1001, "", Unavailable, 503, True),
    (1002, "", ProtocolError, None, False),
    (1003, "", InvalidArgument, 400, False),
    (1007, "Request contains an invalid argument.", InvalidArgument, 400, False),
    (1007, "API key not valid. Please pass a valid API key.", Unauthenticated, 400, False),
    (1007, "API key expired. Please renew the API key.", Unauthenticated, 400, False),
    (1007, "User location is not supported for the API use.", InvalidArgument, 400, False),
    (1008, "", PermissionDenied, 403, False),
    (1008, "models/x is not found for API version v1beta", NotFound, 404, False),
    (1008, "models/x is not supported for bidiGenerateContent", NotFound, 404, False),
    (1008, "Publisher model `x` was not found", NotFound, 404, False),
    (1008, "Requested entity was not found.", NotFound, 404, False),
    (1008, "Method doesn't allow unregistered callers", PermissionDenied, 403, False),
    (1008, "Request had invalid authentication credentials.", Unauthenticated, 401, False),
    (1008, "You exceeded your current quota, please check your plan", ResourceExhausted, 429, True),
    (
        1008,
        "client failed to close the connection after receiving a GoAway",
        Unavailable,
        503,
        True,
    ),
    (1008, "The operation was aborted.", APIError, 409, False),
    (1009, "", InvalidArgument, 413, False),
    (1011, "", Internal, 500, True),
    (1011, "Internal error encountered.", Internal, 500, True),
    (1011, "The service is currently unavailable.", Unavailable, 503, True),
    (1011, "Deadline expired before operation could complete.", DeadlineExceeded, 504, True),
    (1011, "RESOURCE_EXHAUSTED", ResourceExhausted, 429, True),
    (1011, "Resource has been exhausted (e.g. check quota).", ResourceExhausted, 429, True),
    (1012, "", Unavailable, 503, True),
    (1013, "", Unavailable, 503, True),
    (1014, "", Unavailable, 502, True),
    (3000, "", ProtocolError, None, False),
    (4401, "", Unauthenticated, 401, False),
    (4403, "", PermissionDenied, 403, False),
    (4429, "", ResourceExhausted, 429, True),
]


@pytest.mark.parametrize(("code", "reason", "kind", "status", "retryable"), CLOSES)
def test_a_close_is_the_error_that_rest_gives(
    code: int, reason: str, kind: type[GemstreamError], status: int | None, retryable: bool
) -> None:
    closed = Closed(code, reason, in_turn=True)
    error = close_error(closed)
    assert (type(error), getattr(error, "code", None)) == (kind, status)
    assert error.retryable is retryable
    assert reason in str(error)
    assert not is_clean(closed)


def test_every_listed_code_is_tried() -> None:
    assert BY_CODE.keys() <= {code for code, *_ in CLOSES}


@pytest.mark.parametrize("code", [1000, 1005])
def test_a_close_that_says_nothing_is_wrong_is_a_clean_end(code: int) -> None:
    assert is_clean(Closed(code, "", in_turn=True))
    assert is_clean(Closed(code, "bye", in_turn=True))
    assert not is_clean(Closed(code, "quota exceeded", in_turn=True))
    assert isinstance(close_error(Closed(code, "quota exceeded")), ResourceExhausted)
