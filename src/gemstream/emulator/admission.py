"""Who may ask, and how much: the key of a request, the head's other rules, the quota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..wire.live.auth_token import TOKEN_PREFIX
from .clock import Clock
from .deadline import server_timeout
from .exchange import Exchange
from .journal import key_hash_of
from .limits import Keys, Limits
from .quota import Entry, QuotaLog
from .refusal import (
    bad_key,
    bad_token,
    deadline_too_short,
    missing_credentials,
    missing_key,
    over_quota,
)

__all__ = ("Admission", "Asking", "check_head", "check_key", "key_of")

_SHORTEST_DEADLINE = 10


class Asking(Protocol):
    """What comes with a key: a request, or the handshake of a Live session."""

    is_vertex: bool

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        ...

    @property
    def query(self) -> Mapping[str, str]:
        """Decoded."""
        ...


def check_head(exchange: Exchange, keys: Keys) -> None:
    """Raise what the service answers to a missing or bad key and to too short a deadline."""
    check_key(exchange, keys)
    seconds = server_timeout(exchange)
    if seconds is not None and seconds < _SHORTEST_DEADLINE:
        raise deadline_too_short(seconds)


def check_key(asking: Asking, keys: Keys) -> str:
    """Return the key or token; raises what the service answers to a missing or bad one."""
    key = key_of(asking)
    if key is None:
        raise missing_credentials() if asking.is_vertex else missing_key()
    # An ephemeral token opens sessions on an endpoint of its own, and nothing else.
    if key.startswith(TOKEN_PREFIX) or not keys.accept(key):
        raise bad_key() if _is_api_key(asking) else bad_token()
    return key


def key_of(exchange: Asking) -> str | None:
    """Return the key or token that came along, wherever it stands."""
    scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return exchange.headers.get("x-goog-api-key") or exchange.query.get("key") or bearer or None


def _is_api_key(exchange: Asking) -> bool:
    return bool(exchange.headers.get("x-goog-api-key") or exchange.query.get("key"))


class Admission:
    """Lets requests in as long as they keep to the limits; those refused do not count as used."""

    __slots__ = ("_clock", "_log")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._log = QuotaLog()

    def enter(self, exchange: Exchange, tokens: int, limits: Limits | None) -> None:
        """Let a request of so many prompt tokens in; raises ResourceExhausted over a limit.

        Without limits nothing is noted, so the first to be counted is the first under them.
        """
        if limits is None:
            return
        entry = Entry(
            request_id=exchange.request_id,
            key=key_hash_of(key_of(exchange) or ""),
            model=exchange.model or "",
            tokens=tokens,
            at=self._clock.now_ns(),
        )
        if excesses := self._log.admit(entry, limits):
            raise over_quota(excesses, entry.model)

    def leave(self, exchange: Exchange) -> None:
        """Note that the answer runs no more; may be called again."""
        self._log.end(exchange.request_id)

    def clear(self) -> None:
        """Forget what was used."""
        self._log.clear()
