"""What a command ends with: one table over the error classes."""

from __future__ import annotations

import enum

from ..errors import (
    BudgetExceeded,
    Cancelled,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    InvalidRequest,
    MissingCredentials,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    ResourceExhausted,
    SessionClosed,
    TransportError,
    Unauthenticated,
    Unavailable,
)

__all__ = ("MEANINGS", "ExitCode", "exit_code_of")


class ExitCode(enum.IntEnum):
    """How a command ended, for scripts."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    AUTH = 3
    LIMITED = 4
    UPSTREAM = 5
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILURE: "failed, or the prompt was blocked",
    ExitCode.USAGE: "the command, a file or the request is wrong",
    ExitCode.AUTH: "no key, or one the service does not accept",
    ExitCode.LIMITED: "a quota, a limit or the budget is used up",
    ExitCode.UPSTREAM: "the service or the way to it failed",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
}

# The first row that fits decides: a missing key is an InvalidRequest too.
_CODES: tuple[tuple[ExitCode, tuple[type[Exception], ...]], ...] = (
    (ExitCode.AUTH, (MissingCredentials, Unauthenticated, PermissionDenied)),
    (ExitCode.LIMITED, (ResourceExhausted, RateLimited, BudgetExceeded)),
    (ExitCode.USAGE, (InvalidRequest, InvalidArgument, NotFound)),
    (ExitCode.UPSTREAM, (TransportError, ProtocolError, Unavailable, Internal)),
    (ExitCode.UPSTREAM, (DeadlineExceeded, Cancelled)),
)
# Why a Live session was closed; all other codes are the service's failures. The private codes are
# those of our relay.
_CLOSES = {
    1003: ExitCode.USAGE,
    1007: ExitCode.USAGE,
    1008: ExitCode.USAGE,
    1009: ExitCode.USAGE,
    4401: ExitCode.AUTH,
    4403: ExitCode.AUTH,
    4429: ExitCode.LIMITED,
}


def exit_code_of(error: BaseException) -> ExitCode:
    """Return what a command that failed with ``error`` ends with."""
    if isinstance(error, SessionClosed):
        return _CLOSES.get(error.code, ExitCode.UPSTREAM)
    return next((code for code, kinds in _CODES if isinstance(error, kinds)), ExitCode.FAILURE)
