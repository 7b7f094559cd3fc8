"""A session that is being opened: what befalls the upgrade and the setup."""

from __future__ import annotations

from collections.abc import Mapping

from gemstream import Timeouts
from gemstream.emulator import (
    Close,
    Cut,
    Garbage,
    HalfFrame,
    Html,
    Stall,
    Status,
)
from gemstream.errors import (
    DecodeError,
    FirstChunkTimeout,
    PermissionDenied,
    SessionClosedError,
)
from support.live_deeds import (
    asks,
)
from support.live_faults.row import (
    ANSWER,
    HANDSHAKE,
    INVALID,
    SETUP,
    UNAVAILABLE,
    Row,
    at,
)
from support.live_talk import (
    Failed,
)
from support.service import AT_ONCE

__all__ = ("OPENING",)

OPENING: Mapping[str, Row] = {
    "a cut before the setup is answered": Row(
        line="1006 without a close frame",
        rules=[at(SETUP, Cut())],
        does=asks,
        sees=ANSWER,
        ends=(1006, 1000),
    ),
    "half a frame in the place of the setup's answer": Row(
        line="1006 without a close frame",
        rules=[at(SETUP, HalfFrame())],
        does=asks,
        sees=ANSWER,
        ends=(1006, 1000),
    ),
    "unavailable before the setup is answered": Row(
        line="1011 unavailable",
        rules=[at(SETUP, UNAVAILABLE)],
        does=asks,
        sees=ANSWER,
        ends=(1011, 1000),
    ),
    "a setup that is refused with 1007": Row(
        line="1007/1008 before setupComplete",
        rules=[at(SETUP, INVALID)],
        does=asks,
        sees=[Failed(SessionClosedError, 1007)],
        ends=(1007, 1000),
    ),
    "a setup that is refused with 1008": Row(
        line="1007/1008 before setupComplete",
        rules=[at(SETUP, Close(code=1008, reason="API key expired."))],
        does=asks,
        sees=[Failed(SessionClosedError, 1008)],
        ends=(1008, 1000),
    ),
    "a setup that is answered by garbage": Row(
        line="no message of the protocol",
        rules=[at(SETUP, Garbage(text="<html>"))],
        does=asks,
        sees=[Failed(DecodeError)],
        ends=(1006, 1000),
    ),
    "a setup that is never answered": Row(
        line="no answer in time",
        rules=[at(SETUP, Stall(), number=None)],
        does=asks,
        options={"timeouts": Timeouts(first_chunk=0.05)},
        sees=[Failed(FirstChunkTimeout)],
        ends=(*[1006] * AT_ONCE.attempts, 1000),
    ),
    "the upgrade breaks off": Row(
        line="the upgrade refused",
        rules=[at(HANDSHAKE, Cut())],
        does=asks,
        sees=ANSWER,
        ends=(1006, 1000),
        only_in=("sockets",),
    ),
    "the upgrade finds the service overloaded": Row(
        line="the upgrade refused",
        rules=[at(HANDSHAKE, Status(code=503))],
        does=asks,
        sees=ANSWER,
        ends=(503, 1000),
    ),
    "the upgrade finds a proxy": Row(
        line="the upgrade refused",
        rules=[at(HANDSHAKE, Html())],
        does=asks,
        sees=ANSWER,
        ends=(502, 1000),
    ),
    "the upgrade is not allowed": Row(
        line="the upgrade refused",
        rules=[at(HANDSHAKE, Status(code=403))],
        does=asks,
        sees=[Failed(PermissionDenied, 403)],
        ends=(403, 1000),
    ),
}
