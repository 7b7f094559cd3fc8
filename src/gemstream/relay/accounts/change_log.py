"""Tells operators that an account stands otherwise than before: a line in the log each time."""

from __future__ import annotations

import logging

from ...policy.account.fact import Change
from ...policy.account.state import State
from .account import Account

__all__ = ("log_change",)

_log = logging.getLogger("gemstream.relay.accounts")

_WORDS = {
    State.COOLING: "is left alone for {seconds:.0f} s",
    State.EJECTED: "failed several times in a row and is left alone for {seconds:.0f} s",
    State.OPEN: "answers again",
    State.HALF_OPEN: "is tried with one request",
    State.DISABLED: "is asked no more, for its service refuses the key or project: see to it, then "
    "reset the account",
}
_LEVELS = {State.DISABLED: logging.ERROR, State.EJECTED: logging.WARNING}


def log_change(change: Change, account: Account, now: float) -> None:
    """Log the change; ``now`` is of the pool's clock. A refused key is an error, to be alerted on.

    The account is called by its hash: more people read logs than may know the names of accounts.
    """
    standing = change.standing
    words = _WORDS[standing.state].format(seconds=max(0.0, standing.until - now))
    _log.log(
        _LEVELS.get(standing.state, logging.INFO),
        "account %s%s %s (%s: %s)",
        account.hash,
        f" with {change.model!r:.80}" if change.model else "",
        words,
        change.dimension.value,
        standing.cause,
    )
