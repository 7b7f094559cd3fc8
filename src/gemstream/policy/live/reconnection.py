"""What to do after a Live connection has ended: go on, and how soon, or stop, and with which error.

Strategy. The close code gives the class; the words beside 1008 and the moment (while the session is
being set up, with a handle or without, after a farewell) decide the rest. Waiting doubles from 0.5
to 4 s, half of it at random. When resuming has failed for 30 s, one fresh session is tried, and it
says of itself that it remembers nothing.

Sources: live sessions as users report them (sip-to-ai #14, sokuji #179, reachy_mini #357,
python-genai #760, adk-python #3035), RFC 6455 §7.4.
"""

from __future__ import annotations

import re

import msgspec

from ...errors import GemstreamError, SessionClosed, SessionClosedError, SessionClosedOK
from ...wire.live.close_code import CloseCode, RetryClass, close_code
from .server_event import Closed

__all__ = (
    "Loss",
    "Outage",
    "Reconnect",
    "ReconnectPolicy",
    "Stop",
    "closed_error",
    "plain_end",
)

_MOST_DOUBLINGS = 16
_INVALID_DATA, _POLICY = 1007, 1008
# 1008 "client failed to close the connection after receiving a GoAway", and what names an abort.
_PASSING = re.compile(r"go.?away|abort", re.IGNORECASE)


class Reconnect(msgspec.Struct, frozen=True):
    """Open another connection in ``delay`` seconds, with this handle; None begins afresh.

    ``is_void``: the service refused the handle there was, so it is good for nothing.
    """

    delay: float
    handle: str | None = None
    is_void: bool = False

    @property
    def restores_state(self) -> bool:
        """True when the service goes on from what it knows; a fresh session knows nothing."""
        return self.handle is not None


class Stop(msgspec.Struct, frozen=True):
    """The session is over; ``error`` is what its user is told."""

    error: GemstreamError


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection ended, or did not come about.

    ``closed``: the end of an open connection, ``error``: why none could be opened; one of them.
    ``handle``: the newest to go on from. ``with_handle``: the connection that ended had been opened
    with one. ``after_farewell``: the service had said that it goes away.
    """

    closed: Closed | None = None
    error: GemstreamError | None = None
    handle: str | None = None
    with_handle: bool = False
    after_farewell: bool = False


class Outage(msgspec.Struct, frozen=True):
    """The time a session is without a connection: ``since`` when, and the attempts made in it.

    ``is_fresh``: the attempt to begin afresh has been made.
    """

    since: float
    attempts: int = 0
    is_fresh: bool = False

    def after(self, verdict: Reconnect) -> Outage:
        """Return the outage with the attempt that ``verdict`` asks for."""
        fresh = self.is_fresh or not verdict.restores_state
        return Outage(self.since, self.attempts + 1, fresh)


class ReconnectPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How patiently a session is brought back; all in seconds."""

    base: float = 0.5
    cap: float = 4.0
    patience: float = 30.0

    def verdict(self, loss: Loss, outage: Outage, *, now: float, jitter: float) -> Reconnect | Stop:
        """Judge ``loss``; ``jitter`` is in [0, 1).

        A connection that had been set up begins an outage of its own, with ``since`` now.
        """
        if loss.error is not None:
            return self._after_failure(loss, loss.error, outage, now, jitter)
        assert loss.closed is not None, "a loss has a close or an error"
        row = close_code(loss.closed.code)
        if _is_refused_handle(loss, loss.closed) and not outage.is_fresh:
            return Reconnect(0.0, None, is_void=True)
        if not _may_go_on(loss, loss.closed, row):
            return Stop(closed_error(loss.closed, handle=loss.handle))
        return self._again(loss, outage, now, jitter, least=row.least_delay)

    def _after_failure(
        self, loss: Loss, error: GemstreamError, outage: Outage, now: float, jitter: float
    ) -> Reconnect | Stop:
        if not error.retryable:
            return Stop(error)
        asked: float | None = getattr(error, "retry_delay", None)
        return self._again(loss, outage, now, jitter, least=asked or 0.0)

    def _again(
        self, loss: Loss, outage: Outage, now: float, jitter: float, *, least: float
    ) -> Reconnect | Stop:
        if outage.is_fresh and loss.handle is not None:
            return Stop(_final(loss))
        is_planned = loss.after_farewell and not outage.attempts
        delay = max(least, 0.0 if is_planned else self._delay(outage.attempts, jitter))
        if now + delay - outage.since <= self.patience:
            return Reconnect(delay, loss.handle)
        # A delay that the service itself asks for is not cut short by beginning afresh.
        return Stop(_final(loss)) if least > self.patience else self._afresh(loss, outage)

    def _afresh(self, loss: Loss, outage: Outage) -> Reconnect | Stop:
        """Begin a session that remembers nothing, once; a second one would fail the same way."""
        if outage.is_fresh or loss.handle is None:
            return Stop(_final(loss))
        return Reconnect(0.0, None)

    def _delay(self, attempts: int, jitter: float) -> float:
        longest = min(self.cap, self.base * 2.0 ** min(attempts, _MOST_DOUBLINGS))
        return longest * (1 + jitter) / 2


def closed_error(closed: Closed, *, handle: str | None = None) -> SessionClosed:
    """Return the error of a session that ended; ``handle``: one that it may go on from later."""
    row = close_code(closed.code)
    said = f": {closed.reason}" if closed.reason else ""
    when = " before it was set up" if closed.in_setup else ""
    is_normal = row.retry is RetryClass.DONE and not closed.in_setup
    kind = SessionClosedOK if is_normal else SessionClosedError
    error = kind(
        f"the Live session ended{when} with code {closed.code} ({row.meaning}){said}",
        code=closed.code,
        reason=closed.reason,
        resumable=handle is not None and not closed.in_setup,
    )
    error.retryable = row.retry is RetryClass.RESUME
    error.retry_delay = row.least_delay or None
    return error


def plain_end(error: GemstreamError, closed: Closed | None) -> GemstreamError | None:
    """Return the error, or None when the service closed normally and owed nothing."""
    owes_nothing = closed is None or not closed.in_turn
    return None if isinstance(error, SessionClosedOK) and owes_nothing else error


def _is_refused_handle(loss: Loss, closed: Closed) -> bool:
    """True when the setup was refused, and the handle in it may be why."""
    is_refusal = closed.code in (_INVALID_DATA, _POLICY) and not _PASSING.search(closed.reason)
    return closed.in_setup and loss.with_handle and is_refusal


def _may_go_on(loss: Loss, closed: Closed, row: CloseCode) -> bool:
    if row.retry is RetryClass.RESUME:
        return True
    if row.retry is RetryClass.BY_REASON:
        return loss.after_farewell or _PASSING.search(closed.reason) is not None
    # Who says good-bye and then closes normally means the connection, not the session.
    return row.retry is RetryClass.DONE and loss.after_farewell and not closed.in_setup


def _final(loss: Loss) -> GemstreamError:
    if loss.closed is not None:
        return closed_error(loss.closed, handle=loss.handle)
    assert loss.error is not None, "a loss has a close or an error"
    return loss.error
