"""Ephemeral tokens: what a browser opens a Live session with instead of a key.

``POST /v1alpha/auth_tokens``, for Live only. The token's ``name`` is the secret.
Source: https://ai.google.dev/api/live#ephemeral-auth-tokens.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..codec import JSONObject, Message, from_plain, to_plain
from .setup import LiveSetup

__all__ = (
    "DEFAULT_OPENING_SECONDS",
    "DEFAULT_TOKEN_SECONDS",
    "DEFAULT_USES",
    "MAX_TOKEN_SECONDS",
    "TOKEN_PREFIX",
    "AuthToken",
    "constrained_setup",
    "mask_paths",
)

TOKEN_PREFIX = "auth_tokens/"
# What a token has that asks for nothing else, and the first moment that is too far ahead.
DEFAULT_USES = 1
DEFAULT_TOKEN_SECONDS = 30 * 60.0
DEFAULT_OPENING_SECONDS = 60.0
MAX_TOKEN_SECONDS = 20 * 60 * 60.0
# Resuming does not count as a use, so a handle is the client's own whatever the token locks.
_NEVER_LOCKED = ("sessionResumption", "handle")


class AuthToken(Message):
    """A token as it is asked for, and as the service answers, then with its ``name``.

    ``uses``: sessions it may open, 1 by default and 0 without limit; resuming does not count.
    ``expire_time`` (by default in 30 min) and ``new_session_expire_time`` (in 60 s) are RFC 3339
    and less than 20 h ahead. ``field_mask``: which fields of ``bidi_generate_content_setup`` the
    client cannot change, as ``model,generationConfig.temperature``; all of them without a mask.
    """

    name: str | None = None
    uses: int | None = None
    expire_time: str | None = None
    new_session_expire_time: str | None = None
    bidi_generate_content_setup: LiveSetup | None = None
    field_mask: str | None = None

    def __repr__(self) -> str:
        """Return what may be logged: the token's name is its secret."""
        hidden = None if self.name is None else f"{TOKEN_PREFIX}…"
        shown = msgspec.structs.replace(self, name=hidden)
        return super(AuthToken, shown).__repr__()

    @property
    def locks_anything(self) -> bool:
        """True when the token settles some of a session's setup."""
        return self.bidi_generate_content_setup is not None


def constrained_setup(setup: LiveSetup, token: AuthToken) -> LiveSetup:
    """Return the setup that holds in a session opened with ``token``.

    The client's values of locked fields are ignored; a mask that names no field locks nothing.
    """
    locked = token.bidi_generate_content_setup
    if locked is None:
        return setup
    asked, held = to_plain(setup), to_plain(locked)
    merged = held
    if token.field_mask:
        merged = asked
        for path in mask_paths(token.field_mask):
            merged = _replaced(merged, path, _value(held, path))
    return from_plain(_replaced(merged, _NEVER_LOCKED, _value(asked, _NEVER_LOCKED)), LiveSetup)


def mask_paths(mask: str) -> list[tuple[str, ...]]:
    """Return the keys of each field of a mask, which may be in camelCase or snake_case."""
    fields = [field.strip() for field in mask.split(",")]
    return [tuple(_camel(name) for name in field.split(".")) for field in fields if field]


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def _value(plain: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        plain = plain.get(key) if isinstance(plain, dict) else None
    return plain


def _replaced(plain: Any, path: tuple[str, ...], value: Any) -> JSONObject:
    """Return ``plain`` with ``value`` at ``path``; None leaves the place empty."""
    key, *rest = path
    inner = plain if isinstance(plain, dict) else {}
    if value is None and _value(inner, path) is None:
        return inner  # with its empty fields: some say something by being there
    if rest:
        value = _replaced(inner.get(key), tuple(rest), value) or None
    kept = {name: item for name, item in inner.items() if name != key}
    return kept if value is None else {**kept, key: value}
