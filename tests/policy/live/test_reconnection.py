"""What follows a disconnect: every pattern that users report of Google, and every code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import (
    ConnectFailed,
    GemstreamError,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
    Unauthenticated,
)
from gemstream.policy.live.reconnection import (
    Loss,
    Outage,
    Reconnect,
    ReconnectPolicy,
    Stop,
    closed_error,
)
from gemstream.policy.live.server_event import Closed
from gemstream.policy.live.switch import SwitchPolicy
from gemstream.wire.status import RetryInfo, api_error
from support.strategies import calm

POLICY = ReconnectPolicy()
_BASE = Reconnect(0.25, "h")  # the first wait without jitter
_AT_ONCE = Reconnect(0.0, "h")
_FRESH = Reconnect(0.0)
_VOID = Reconnect(0.0, None, is_void=True)
_GO_AWAY = "client failed to close the connection after receiving a GoAway"


def judge(
    code: int | None,
    reason: str = "",
    *,
    handle: str | None = "h",
    in_setup: bool = False,
    outage: Outage | None = None,
    now: float = 0.0,
    **more: Any,
) -> Reconnect | Stop:
    """The verdict on a connection that ended so, without jitter."""
    number = 1006 if code is None else code
    loss = Loss(closed=Closed(number, reason, in_setup=in_setup), handle=handle, **more)
    return POLICY.verdict(loss, outage or Outage(0.0), now=now, jitter=0.0)


def stopped(verdict: Reconnect | Stop) -> type[GemstreamError] | Reconnect:
    """The class of the error that ends the session, or what is done instead."""
    return type(verdict.error) if isinstance(verdict, Stop) else verdict


_STOP: Any = SessionClosedError
PATTERNS = [
    # Of Google, as users report them.
    ("the deadline of 58 minutes", judge(1011, "Deadline expired before operation"), _BASE),
    ("resuming after it is refused", judge(1007, in_setup=True, with_handle=True), _VOID),
    ("farewell, then 1011", judge(1011, after_farewell=True), _AT_ONCE),
    ("farewell, then 1008", judge(1008, _GO_AWAY, after_farewell=True), _AT_ONCE),
    ("farewell, then a normal close", judge(1000, after_farewell=True), _AT_ONCE),
    ("1008 that names the farewell", judge(1008, _GO_AWAY), _BASE),
    ("1008 of an abort", judge(1008, "The operation was aborted."), _BASE),
    ("1011 while the old socket is open", judge(1011, in_setup=True, with_handle=True), _BASE),
    ("unavailable", judge(1011, "The service is currently unavailable."), _BASE),
    ("no close frame in a long tool call", judge(None), _BASE),
    ("1008 of an intermediary at 150 s", judge(1008, "session cap"), _STOP),
    ("a bad setup", judge(1007, "Request contains an invalid argument.", in_setup=True), _STOP),
    ("a bad key", judge(1007, "API key not valid.", in_setup=True, handle=None), _STOP),
    ("a model that is not there", judge(1008, "models/x is not found", in_setup=True), _STOP),
    ("a bad handle", judge(1008, "not found.", in_setup=True, with_handle=True), _VOID),
    ("a saved handle", judge(1007, in_setup=True, with_handle=True, handle=None), _VOID),
    ("normal", judge(1000), SessionClosedOK),
    ("normal in the setup", judge(1000, in_setup=True, after_farewell=True), _STOP),
    # By code.
    ("going away", judge(1001), _BASE),
    ("protocol error", judge(1002), _STOP),
    ("wrong type", judge(1003), _STOP),
    ("no code", judge(1005), _BASE),
    ("bad data", judge(1007), _STOP),
    ("too big", judge(1009), _STOP),
    ("restart", judge(1012), Reconnect(1.0, "h")),
    ("try later", judge(1013), Reconnect(1.0, "h")),
    ("TLS", judge(1015), _BASE),
    ("relay: credentials", judge(4401), _STOP),
    ("relay: scope", judge(4403), _STOP),
    ("relay: limit", judge(4429), Reconnect(4.0, "h")),
    ("a private code", judge(4000), _STOP),
    # Without a handle a session begins again, and says so.
    ("no handle", judge(1006, handle=None), Reconnect(0.25)),
]


@pytest.mark.parametrize(
    ("verdict", "expected"), [row[1:] for row in PATTERNS], ids=[row[0] for row in PATTERNS]
)
def test_a_disconnect_is_followed_by(verdict: Reconnect | Stop, expected: Any) -> None:
    assert stopped(verdict) == expected


def test_waiting_doubles_to_four_seconds_half_of_it_at_random() -> None:
    loss = Loss(closed=Closed(1006), handle="h")
    for attempts, longest in enumerate((0.5, 1.0, 2.0, 4.0, 4.0, 4.0)):
        outage = Outage(0.0, attempts)
        for jitter, share in ((0.0, 0.5), (0.5, 0.75)):
            verdict = POLICY.verdict(loss, outage, now=0.0, jitter=jitter)
            assert verdict == Reconnect(longest * share, "h")


def test_a_farewell_shortens_only_the_first_wait() -> None:
    again = judge(1011, after_farewell=True, outage=Outage(0.0, 1))
    assert again == Reconnect(0.5, "h")


def test_after_thirty_seconds_one_fresh_session_is_tried_and_then_none() -> None:
    now, outage, handle = 100.0, Outage(100.0), "h"
    verdicts = []
    for _ in range(100):
        verdict = judge(1006, handle=handle, outage=outage, now=now)
        verdicts.append(verdict)
        if isinstance(verdict, Stop):
            break
        outage, now = outage.after(verdict), now + verdict.delay + 0.5
    *resumed, fresh, end = verdicts
    assert all(isinstance(one, Reconnect) and one.restores_state for one in resumed)
    assert fresh == _FRESH
    assert not _FRESH.restores_state
    assert 124.0 <= now <= 131.0
    assert isinstance(end, Stop)
    assert isinstance(end.error, SessionClosedError)
    assert end.error.resumable


def test_a_refused_handle_is_given_up_once() -> None:
    outage = Outage(0.0).after(_FRESH)
    verdict = judge(1007, in_setup=True, with_handle=True, outage=outage)
    assert stopped(verdict) is SessionClosedError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectFailed("no"), _BASE),
        (api_error(503, "down"), _BASE),
        (api_error(429, "slow", details=[RetryInfo.of(7)]), Reconnect(7.0, "h")),
        # Longer than a session is brought back for: the caller has it at once.
        (api_error(429, "slow", details=[RetryInfo.of(120)]), None),
        (api_error(401, "no"), None),
    ],
)
def test_a_dial_that_fails_is_judged_by_its_error(
    error: GemstreamError, expected: Reconnect | None
) -> None:
    loss = Loss(error=error, handle="h")
    verdict = POLICY.verdict(loss, Outage(0.0), now=0.0, jitter=0.0)
    assert verdict == (Stop(error) if expected is None else expected)


def test_a_dial_that_fails_to_the_end_gives_its_own_error() -> None:
    error = ConnectFailed("no")
    loss = Loss(error=error)
    assert POLICY.verdict(loss, Outage(0.0, 9), now=30.0, jitter=0.0) == Stop(error)


@calm
@given(
    code=st.integers(-1, 6000),
    reason=st.sampled_from(["", _GO_AWAY, "abort", "quota"]),
    attempts=st.integers(0, 10**6),
    waited=st.floats(0, 1e6),
    jitter=st.floats(0, 1, exclude_max=True),
    flags=st.tuples(*[st.booleans()] * 4),
    handle=st.sampled_from(["h", None]),
)
def test_every_verdict_is_bounded(
    code: int,
    reason: str,
    attempts: int,
    waited: float,
    jitter: float,
    flags: tuple[bool, ...],
    handle: str | None,
) -> None:
    in_setup, with_handle, after_farewell, is_fresh = flags
    loss = Loss(
        closed=Closed(code, reason, in_setup=in_setup),
        handle=handle,
        with_handle=with_handle,
        after_farewell=after_farewell,
    )
    outage = Outage(0.0, attempts, is_fresh)
    verdict = POLICY.verdict(loss, outage, now=waited, jitter=jitter)
    if isinstance(verdict, Reconnect):
        assert 0 <= verdict.delay <= 4.0
        assert verdict.handle in (None, handle)
        assert waited + verdict.delay <= POLICY.patience or not verdict.restores_state
        assert not (is_fresh and waited > POLICY.patience)
    else:
        assert isinstance(verdict.error, SessionClosed)
        assert verdict.error.code == code


@pytest.mark.parametrize(
    ("closed", "handle", "kind", "resumable", "words"),
    [
        (Closed(1000), "h", SessionClosedOK, True, ["code 1000 (normal)"]),
        (Closed(1000), None, SessionClosedOK, False, []),
        (Closed(1011, "Internal."), "h", SessionClosedError, True, ["internal error", "Internal."]),
        (Closed(1007, "bad", in_setup=True), "h", SessionClosedError, False, ["before it was set"]),
        (Closed(4000), None, SessionClosedError, False, ["4000", "without a known meaning"]),
    ],
)
def test_the_end_is_an_error_that_tells_all(
    closed: Closed, handle: str | None, kind: type, resumable: bool, words: list[str]
) -> None:
    error = closed_error(closed, handle=handle)
    assert type(error) is kind
    assert (error.code, error.reason, error.resumable) == (closed.code, closed.reason, resumable)
    assert [word for word in words if word not in str(error)] == []


def test_a_refusal_of_the_credentials_is_not_tried_again() -> None:
    error = api_error(401, "no")
    assert isinstance(error, Unauthenticated)
    assert isinstance(POLICY.verdict(Loss(error=error), Outage(0.0), now=0, jitter=0), Stop)


# --- leaving before the end ------------------------------------------------------------------

# Age, seconds left (None without a farewell), in a turn → whether to leave, and when to look next.
SWITCHES = [
    (0, None, False, False, 3000),
    (2999, None, False, False, 3000),
    (3000, None, False, True, 3000),
    (3000, None, True, False, None),
    (1, 300, False, False, 241),  # a farewell one second into a session is no reason yet
    (241, 60, False, True, 241),
    (241, 60, True, False, 299),
    (299, 2, True, True, 299),
    (300, 0, True, True, 300),
    (301, -1, False, True, 301),
]


@pytest.mark.parametrize(("age", "left", "in_turn", "due", "look"), SWITCHES)
def test_a_connection_is_left_between_turns_while_there_is_time(
    age: float, left: float | None, in_turn: bool, due: bool, look: float | None
) -> None:
    leaves_at = None if left is None else age + left
    policy = SwitchPolicy()
    is_due = policy.is_due(now=age, opened_at=0, leaves_at=leaves_at, is_in_turn=in_turn)
    next_look = policy.next_look(now=age, opened_at=0, leaves_at=leaves_at, is_in_turn=in_turn)
    assert (is_due, next_look) == (due, look)
