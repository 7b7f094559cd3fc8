"""A connection is lost, and then the way to another one is hard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gemstream.emulator import (
    Close,
    Cut,
    Garbage,
    HalfFrame,
    Html,
    Rule,
    Stall,
    Status,
)
from gemstream.errors import (
    DecodeError,
    SessionClosedError,
    Unauthenticated,
    Unavailable,
)
from gemstream.policy.live.reconnection import ReconnectPolicy
from support.live_deeds import (
    asks,
)
from support.live_faults.row import (
    ANSWER,
    HANDSHAKE,
    INVALID,
    NOT_FOUND,
    RESUME,
    SETUP,
    TURN,
    UNAVAILABLE,
    Row,
    at,
)
from support.live_talk import (
    Back,
    Failed,
    Gone,
)

__all__ = ("WAY_BACK",)

_STILL_OPEN = Close(code=1011, reason="The session is still open on another connection.")


def _resuming(line: str, rule: Rule, end: int, **more: Any) -> Row:
    """Return a row: the connection breaks before the first word, and then the way back is hard."""
    again = (Gone(1006), Back(repeated=1, attempts=2), *ANSWER)
    row = {"sees": again, "ends": (1006, end, 1000), "does": asks, **more}
    return Row(line=line, rules=[at(TURN, Cut()), rule], **row)


_AFRESH = (Gone(1006), Back(restored=False, repeated=1, attempts=2), *ANSWER)
WAY_BACK: Mapping[str, Row] = {
    "a resumption that breaks off": _resuming(
        "1006 without a close frame", at(RESUME, Cut()), 1006
    ),
    "half a frame in a resumption": _resuming(
        "1006 without a close frame", at(RESUME, HalfFrame()), 1006
    ),
    "a resumption while the old connection is open": _resuming(
        "1011 while the old one is open", at(RESUME, _STILL_OPEN), 1011
    ),
    "a resumption that finds the service unavailable": _resuming(
        "1011 unavailable", at(RESUME, UNAVAILABLE), 1011
    ),
    "a handle that is refused with 1007": _resuming(
        "58:00 with 1011", at(RESUME, INVALID), 1007, sees=_AFRESH
    ),
    "a handle that is refused with 1008": _resuming(
        "1007/1008 before setupComplete", at(RESUME, NOT_FOUND), 1008, sees=_AFRESH
    ),
    "a handle that is refused, and then the fresh setup too": Row(
        line="1007/1008 before setupComplete",
        rules=[at(TURN, Cut()), at(RESUME, INVALID), at(SETUP, NOT_FOUND, number=2)],
        does=asks,
        sees=[Gone(1006), Failed(SessionClosedError, 1008)],
        ends=(1006, 1007, 1008, 1000),
    ),
    "a way back through an upgrade that breaks off": _resuming(
        "the upgrade refused", at(HANDSHAKE, Cut(), number=2), 1006, only_in=("sockets",)
    ),
    "a way back that finds the service overloaded": _resuming(
        "the upgrade refused", at(HANDSHAKE, Status(code=503), number=2), 503
    ),
    "a way back that finds the quota used up": _resuming(
        "the upgrade refused", at(HANDSHAKE, Status(code=429), number=2), 429
    ),
    "a way back that finds a proxy": _resuming(
        "the upgrade refused", at(HANDSHAKE, Html(), number=2), 502
    ),
    "a resumption that is never answered": _resuming(
        "no answer in time", at(RESUME, Stall()), 1006, only_in=("in process",)
    ),
    "a resumption that is answered by garbage": _resuming(
        "no message of the protocol",
        at(RESUME, Garbage(text="<html>")),
        1006,
        sees=[Gone(1006), Failed(DecodeError)],
    ),
    "a way back through an upgrade that is never answered": _resuming(
        "no answer in time", at(HANDSHAKE, Stall(), number=2), 1006, only_in=("in process",)
    ),
    "a way back that finds the quota used up for 7 s": _resuming(
        "the upgrade refused",
        at(HANDSHAKE, Status(code=429, retry_delay=7), number=2),
        429,
        only_in=("in process",),
    ),
    "a way back that takes too long": Row(
        line="1011 unavailable",
        rules=[at(TURN, UNAVAILABLE), at(RESUME, UNAVAILABLE, number=None)],
        does=asks,
        options={"reconnect": ReconnectPolicy(base=0.01, patience=0.0)},
        sees=[Gone(1011), Back(restored=False, repeated=1), *ANSWER],
        ends=(1011, 1000),
    ),
    "a way back with a key that was revoked": _resuming(
        "the upgrade refused",
        at(HANDSHAKE, Status(code=401), number=2),
        401,
        sees=[Gone(1006), Failed(Unauthenticated, 401)],
    ),
    "a service that is gone": _resuming(
        "the upgrade refused",
        at(HANDSHAKE, Status(code=503), number=2),
        503,
        options={"reconnect": ReconnectPolicy(base=0.01, patience=0.0)},
        sees=[Gone(1006), Failed(Unavailable, 503)],
    ),
}
