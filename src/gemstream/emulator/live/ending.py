"""How a Live session ends from the service's side: a close code and a reason in few bytes."""

from __future__ import annotations

from ...errors import APIError
from ...wire.live.close_code import MAX_REASON

__all__ = ("SessionEnd", "end_of")

# What the service closes with in the place of an HTTP status; other statuses are its own fault.
_CODES = {400: 1007, 401: 1008, 403: 1008, 404: 1008}
_INTERNAL = 1011


class SessionEnd(Exception):
    """The session is to be closed with ``code`` and ``reason``, cut to what a frame holds."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:MAX_REASON].decode("utf-8", "ignore")


def end_of(error: APIError) -> SessionEnd:
    """Return the close that tells what ``error`` would tell over HTTP."""
    return SessionEnd(_CODES.get(error.code, _INTERNAL), error.message)
