"""Who may ask: the key of a request, and the head's other rules."""

from __future__ import annotations

from .exchange import Exchange
from .number import whole_number
from .refusal import bad_key, bad_token, deadline_too_short, missing_credentials, missing_key

__all__ = ("BAD_KEY", "check_head", "key_of")

BAD_KEY = "bad-key"  # every other key is accepted
_SHORTEST_DEADLINE = 10


def check_head(exchange: Exchange) -> None:
    """Raise what the service answers to a missing or bad key and to too short a deadline."""
    key = key_of(exchange)
    if key is None:
        raise missing_credentials() if exchange.is_vertex else missing_key()
    if key == BAD_KEY:
        raise bad_key() if _is_api_key(exchange) else bad_token()
    given = exchange.headers.get("x-server-timeout", "")
    deadline = whole_number(given)
    if deadline is not None and deadline < _SHORTEST_DEADLINE:
        raise deadline_too_short(given)


def key_of(exchange: Exchange) -> str | None:
    """Return the key or token that came along, wherever it stands."""
    scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return exchange.headers.get("x-goog-api-key") or exchange.query.get("key") or bearer or None


def _is_api_key(exchange: Exchange) -> bool:
    return bool(exchange.headers.get("x-goog-api-key") or exchange.query.get("key"))
