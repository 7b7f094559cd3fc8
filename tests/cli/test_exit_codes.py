"""Every error class has its exit code, and a line that says what to do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gemstream import errors
from gemstream.cli.advice import describe
from gemstream.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from gemstream.wire.status import api_error

CODES = {
    errors.InvalidRequest("x"): 2,
    errors.ConfigError("x"): 2,
    errors.UnsupportedMedia("x"): 2,
    errors.StreamingNotSupported("imagen"): 2,
    errors.MissingCredentials("x"): 3,
    errors.InvalidState("x"): 1,
    errors.ConnectFailed("x"): 5,
    errors.StreamInterrupted("x"): 5,
    errors.ConnectTimeout("x"): 5,
    errors.FirstChunkTimeout("x"): 5,
    errors.IdleTimeout("x"): 5,
    errors.TotalTimeout("x"): 5,
    errors.ProtocolError("x"): 5,
    errors.DecodeError("x"): 5,
    errors.StreamTruncated("x"): 5,
    errors.SessionClosedOK("x", code=1000): 5,  # before the answer's end
    errors.SessionClosedError("x", code=1006): 5,
    errors.SessionClosedError("x", code=1007): 2,
    errors.SessionClosedError("x", code=1008): 2,
    errors.SessionClosedError("x", code=1011): 5,
    errors.SessionClosedError("x", code=4401): 3,
    errors.SessionClosedError("x", code=4429): 4,
    errors.BudgetExceeded("x", max_cost=Decimal(1)): 4,
    errors.RateLimited("x"): 4,
    api_error(400, "x"): 2,
    api_error(401, "x"): 3,
    api_error(403, "x"): 3,
    api_error(404, "x"): 2,
    api_error(409, "x"): 1,
    api_error(429, "x"): 4,
    api_error(499, "x"): 5,
    api_error(500, "x"): 5,
    api_error(503, "x"): 5,
    api_error(504, "x"): 5,
    OSError("x"): 1,
}


@pytest.mark.parametrize("error", CODES, ids=lambda error: f"{type(error).__name__}")
def test_an_error_ends_the_command_with(error: Exception) -> None:
    assert exit_code_of(error) == CODES[error]


def test_every_code_is_explained() -> None:
    assert list(MEANINGS) == list(ExitCode)


DESCRIBED = [
    (errors.StreamTruncated("it was cut"), "it was cut; ask again for the whole answer"),
    (errors.TotalTimeout("took 3 s"), "took 3 s; --timeout raises the limit"),
    (
        errors.RateLimited("full for 3 s"),
        "full for 3 s; --tier names another tier, --no-rate-limit keeps no limits",
    ),
    (errors.InvalidRequest("two\nlines  here"), "two lines here"),
    (api_error(503, "Busy."), "503 UNAVAILABLE: Busy; try again in a moment"),
    (
        api_error(400, "No such field", hint="drop it"),
        "400 INVALID_ARGUMENT: No such field; drop it",
    ),
]


@pytest.mark.parametrize(("error", "line"), DESCRIBED)
def test_an_error_is_one_line_with_its_way_out(error: errors.GemstreamError, line: str) -> None:
    assert describe(error) == line


def test_a_quota_says_how_long_to_wait() -> None:
    error = api_error(429, "Slow down.")
    error.retry_delay = 37.0
    assert describe(error) == "429 RESOURCE_EXHAUSTED: Slow down; try again in 37 s"


def test_a_missing_key_names_both_ways_out() -> None:
    said = describe(errors.MissingCredentials("x"))
    assert "GEMINI_API_KEY" in said
    assert "--emulate" in said
