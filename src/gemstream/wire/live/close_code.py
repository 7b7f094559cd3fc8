"""Close codes of a WebSocket as a table: what each means, and what may be done after it.

Sources: RFC 6455 §7.4.1 and https://www.iana.org/assignments/websocket for the meanings; the
retry classes are what Live sessions were seen to need.
"""

from __future__ import annotations

import enum

import msgspec

__all__ = ("MAX_REASON", "NO_CLOSE_FRAME", "CloseCode", "RetryClass", "close_code")

NO_CLOSE_FRAME = 1006
# RFC 6455, 5.5: a control frame holds 125 bytes, and two of them are the code.
MAX_REASON = 123


class RetryClass(enum.Enum):
    """What a close leaves to do."""

    DONE = "done"  # a normal end
    RESUME = "resume"
    STOP = "stop"  # the same again would end the same
    BY_REASON = "by reason"  # the words beside the code decide


class CloseCode(msgspec.Struct, frozen=True):
    """One row; ``least_delay``: seconds to wait at least before the next connection.

    ``may_be_sent``: False for what only a library reports, never a peer (RFC 6455 §7.4.1).
    """

    code: int
    meaning: str
    retry: RetryClass
    least_delay: float = 0.0
    may_be_sent: bool = True


_ROWS = (
    CloseCode(1000, "normal", RetryClass.DONE),
    CloseCode(1001, "going away", RetryClass.RESUME),
    CloseCode(1002, "protocol error", RetryClass.STOP),
    CloseCode(1003, "data of a type that is not accepted", RetryClass.STOP),
    CloseCode(1005, "no code was given", RetryClass.RESUME, may_be_sent=False),
    CloseCode(1006, "the connection broke", RetryClass.RESUME, may_be_sent=False),
    CloseCode(1007, "invalid data", RetryClass.STOP),
    CloseCode(1008, "policy", RetryClass.BY_REASON),
    CloseCode(1009, "the message is too big", RetryClass.STOP),
    CloseCode(1010, "an extension is missing", RetryClass.STOP),
    CloseCode(1011, "internal error", RetryClass.RESUME),
    CloseCode(1012, "the service restarts", RetryClass.RESUME, least_delay=1.0),
    CloseCode(1013, "try again later", RetryClass.RESUME, least_delay=1.0),
    CloseCode(1014, "bad gateway", RetryClass.RESUME, least_delay=1.0),
    CloseCode(1015, "the TLS handshake failed", RetryClass.RESUME, may_be_sent=False),
    # Private codes of the relay.
    CloseCode(4401, "the credentials are not accepted", RetryClass.STOP),
    CloseCode(4403, "the credentials do not allow this", RetryClass.STOP),
    CloseCode(4429, "a limit is used up", RetryClass.RESUME, least_delay=4.0),
)
_TABLE = {row.code: row for row in _ROWS}


def close_code(code: int | None) -> CloseCode:
    """Return the row of ``code``; None, the absence of a close frame, is 1006.

    A code without a row is nothing to go on from: RFC 6455 §7.4.2 leaves it to others.
    """
    number = NO_CLOSE_FRAME if code is None else code
    row = _TABLE.get(number)
    if row is not None:
        return row
    return CloseCode(
        number, "a code without a known meaning", RetryClass.STOP, may_be_sent=_is_sendable(number)
    )


def _is_sendable(code: int) -> bool:
    """Below 3000 only registered codes exist; from 3000 to 4999 they are for everybody."""
    return 3000 <= code <= 4999
