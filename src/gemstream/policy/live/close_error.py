"""How a Live session ended before its answer → the error that REST would have given.

The words beside the code come first: the service closes with the same few codes for many things,
and says in words which it is.
Sources: closes as users report them (python-genai #760, #812, #2238, ai.google.dev forum), the
messages of the REST errors, RFC 6455 §7.4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ...errors import GemstreamError, ProtocolError, StreamInterrupted
from ...wire.live.close_code import close_code
from ...wire.status import ErrorInfo, api_error
from .server_event import Closed

__all__ = ("BY_CODE", "BY_WORDS", "Refused", "close_error", "is_clean")


class Refused(msgspec.Struct, frozen=True):
    """An HTTP code with the name of its status, and the reason for programs, if there is one."""

    code: int
    status: str
    reason: str = ""


_BAD = Refused(400, "INVALID_ARGUMENT")
_DOWN = Refused(503, "UNAVAILABLE")
_BROKEN = Refused(500, "INTERNAL")

# The first that is found in the reason decides.
BY_WORDS: Sequence[tuple[str, Refused]] = (
    (
        r"api[ _]key (is )?(not valid|invalid|expired|not found)",
        Refused(400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
    ),
    (r"RESOURCE_EXHAUSTED|quota|exhausted|rate limit", Refused(429, "RESOURCE_EXHAUSTED")),
    (r"location is not supported", Refused(400, "FAILED_PRECONDITION")),
    (r"not found|not supported for bidi|NOT_FOUND", Refused(404, "NOT_FOUND")),
    (r"unregistered callers|permission|forbidden", Refused(403, "PERMISSION_DENIED")),
    (r"unauthenticated|authentication|credential", Refused(401, "UNAUTHENTICATED")),
    (r"deadline", Refused(504, "DEADLINE_EXCEEDED")),
    (r"unavailable|overloaded|try again|go.?away", _DOWN),
    (r"abort", Refused(409, "ABORTED")),
)
# For a reason that says none of these, and for none.
BY_CODE = {
    1001: _DOWN,
    1003: _BAD,
    1007: _BAD,
    1008: Refused(403, "PERMISSION_DENIED"),
    1009: Refused(413, "INVALID_ARGUMENT"),
    1011: _BROKEN,
    1012: _DOWN,
    1013: _DOWN,
    1014: Refused(502, "UNAVAILABLE"),
    4401: Refused(401, "UNAUTHENTICATED"),
    4403: Refused(403, "PERMISSION_DENIED"),
    4429: Refused(429, "RESOURCE_EXHAUSTED"),
}
# The wire broke, whoever says so: no close frame came, or a relay's upstream lost its own.
_LOST = frozenset({1006, 1015})
# RFC 6455 §7.4.1: 1005 stands for a close frame that holds no code.
_CLEAN = frozenset({1000, 1005})

_WORDS = [(re.compile(words, re.IGNORECASE), refused) for words, refused in BY_WORDS]


def is_clean(closed: Closed) -> bool:
    """True for an end that says nothing is wrong: an answer that is not whole is then cut short."""
    return closed.code in _CLEAN and _refused(closed) is None


def close_error(closed: Closed) -> GemstreamError:
    """Return the error of a session that ended before its answer did."""
    if closed.code in _LOST:
        return StreamInterrupted("the connection broke without a close while an answer was due")
    row = close_code(closed.code)
    said = closed.reason or f"the session was closed with code {closed.code} ({row.meaning})"
    refused = _refused(closed)
    if refused is None:
        return ProtocolError(
            f"the service closed the session with code {closed.code} ({row.meaning})"
            f"{closed.reason and ': ' + closed.reason}"
        )
    details = [ErrorInfo(reason=refused.reason)] if refused.reason else []
    return api_error(refused.code, said, status=refused.status, details=details)


def _refused(closed: Closed) -> Refused | None:
    for words, refused in _WORDS:
        if words.search(closed.reason):
            return refused
    return BY_CODE.get(closed.code)
