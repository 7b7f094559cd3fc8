"""The errors of a limiter, in words that say what is full, until when, and what changes it."""

from __future__ import annotations

import datetime

from ..errors import RateLimited
from ..policy.limit.claim import Claim, Kind
from ..policy.limit.quota import GATE

__all__ = (
    "limit_words",
    "out_of_patience",
    "quota_words",
    "time_words",
    "too_large",
    "too_long",
    "waiting",
)

_PERIODS = {
    "rpm": "requests a minute",
    "tpm": "tokens a minute",
    "rpd": "requests a day",
    "concurrency": "answers at once",
    "messages": "messages a minute",
}


def too_large(claim: Claim, setting: str) -> RateLimited:
    """Return the error for a request that never fits."""
    return RateLimited(
        f"the request needs {claim.cost:,} of {limit_words(claim)}, more than there ever is"
        f"{_from(setting)}; send less at once, or set a higher limit",
        quota=claim.quota,
        limit=claim.limit.amount,
        retryable=False,
    )


def too_long(claim: Claim, seconds: float, wall: int, setting: str) -> RateLimited:
    """Return the error for a wait that the caller did not ask for; ``wall``: µs since 1970."""
    ends = datetime.datetime.fromtimestamp(wall / 1e6 + seconds, datetime.UTC)
    return _error(
        f"{_what(claim)} until {ends:%Y-%m-%d %H:%M:%S} UTC, {time_words(seconds)} from now"
        f"{_from(setting)}; nothing was sent",
        claim,
        seconds,
    )


def out_of_patience(
    claim: Claim | None, patience: float, seconds: float | None, setting: str
) -> RateLimited:
    """Return the error for a request that may wait no longer; ``seconds`` until it would fit."""
    why = "others wait before it" if claim is None else _what(claim)
    when = "" if seconds is None else f", for {time_words(seconds)} more"
    ended = "it was not to wait"
    if patience:
        words = "limit_wait of {:g} s is over" if seconds is None else "limit_wait is {:g} s"
        ended = words.format(patience)
    return _error(f"{why}{when}{_from(setting)}; {ended}, and nothing was sent", claim, seconds)


def waiting(claim: Claim, seconds: float, setting: str) -> str:
    """Return why a request waits, and for how long."""
    return f"{_what(claim)}{_from(setting)}; the next request waits {time_words(seconds)}"


def limit_words(claim: Claim) -> str:
    """Return what a limit allows, in words."""
    if claim.limit.kind is Kind.GATE:
        return "what the service lets through"
    return quota_words(claim.quota, claim.limit.amount, claim.unit.value)


def quota_words(quota: str, amount: int, unit: str = "") -> str:
    """Return an amount of ``quota`` in words; ``unit`` for a quota that has none of its own."""
    words = _PERIODS.get(quota, unit or quota)
    return f"{amount:,} {words.replace('s ', ' ', 1) if amount == 1 else words}"


def time_words(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _what(claim: Claim) -> str:
    if claim.quota == GATE:
        return "the service asked to hold back"
    return f"the limit of {limit_words(claim)} is used up"


def _error(message: str, claim: Claim | None, seconds: float | None) -> RateLimited:
    return RateLimited(
        message,
        quota="" if claim is None else claim.quota,
        limit=None if claim is None or claim.quota == GATE else claim.limit.amount,
        retry_delay=seconds,
    )


def _from(setting: str) -> str:
    return f" ({setting})" if setting else ""
