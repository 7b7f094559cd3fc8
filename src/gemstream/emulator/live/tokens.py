"""Ephemeral tokens: made for a key, and what each still opens.

The service has not written down how it refuses one. Here a token that opens nothing closes the
session with 1008, as a key does that is not one, and the reason says what is wrong with it.

Source: https://ai.google.dev/gemini-api/docs/ephemeral-tokens.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Annotated

import msgspec

from ...errors import DecodeError
from ...wire.codec import decode, encode
from ...wire.live.auth_token import (
    DEFAULT_OPENING_SECONDS,
    DEFAULT_TOKEN_SECONDS,
    DEFAULT_USES,
    MAX_TOKEN_SECONDS,
    TOKEN_PREFIX,
    AuthToken,
    constrained_setup,
    mask_paths,
)
from ...wire.live.client_message import ClientMessage
from ...wire.live.setup import LiveSetup
from ..admission import Asking
from ..clock import Clock
from ..refusal import bad_value, invalid, missing_key
from .ending import SessionEnd, end_of

__all__ = ("MAX_TOKENS", "Grant", "TokenGate", "Tokens", "token_of")

MAX_TOKENS = 10_000  # the oldest go first
_REFUSED = 1008
_MOST_USES = 2**31 - 1
_SETUP_FIELDS = frozenset(LiveSetup.__struct_encode_fields__)
_Timestamp = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class Grant(msgspec.Struct, kw_only=True):
    """A token as it was given out; times are seconds since 1970, ``uses_left`` None for any."""

    token: AuthToken
    key_hash: str
    expires_at: float
    opens_until: float
    uses_left: int | None


class Tokens:
    """All that were made and not forgotten."""

    __slots__ = ("_clock", "_grants", "_new_id")

    def __init__(self, clock: Clock, new_id: Callable[[], str]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._grants: dict[str, Grant] = {}

    def create(self, asked: AuthToken, key_hash: str) -> AuthToken:
        """Return the token that stands for ``key_hash``; raises InvalidArgument for a bad wish.

        Only its name is in it: the other fields are of the request alone.
        """
        now = self._clock.now()
        uses = DEFAULT_USES if asked.uses is None else asked.uses
        if not 0 <= uses <= _MOST_USES:
            raise invalid(f"* CreateAuthTokenRequest.auth_token.uses: {uses} is not 0 or more")
        _check_mask(asked.field_mask or "")
        grant = Grant(
            token=asked,
            key_hash=key_hash,
            expires_at=_moment(asked.expire_time, "expire_time", now, DEFAULT_TOKEN_SECONDS),
            opens_until=_moment(
                asked.new_session_expire_time,
                "new_session_expire_time",
                now,
                DEFAULT_OPENING_SECONDS,
            ),
            uses_left=uses or None,
        )
        name = f"{TOKEN_PREFIX}{self._new_id()}"
        self._grants[name] = grant
        if len(self._grants) > MAX_TOKENS:
            del self._grants[next(iter(self._grants))]
        return AuthToken(name=name)

    def find(self, name: str | None) -> Grant:
        """Return the token of that name, used up or not; raises SessionEnd for another one."""
        if name is None:
            raise end_of(missing_key())
        grant = self._grants.get(name)
        if grant is None:
            raise SessionEnd(_REFUSED, "The ephemeral token is not valid.")
        self.check(grant)
        return grant

    def check(self, grant: Grant) -> None:
        """Raise SessionEnd for a token whose sessions may say nothing more."""
        if self._clock.now() >= grant.expires_at:
            raise SessionEnd(_REFUSED, "The ephemeral token has expired.")

    def use(self, grant: Grant, setup: LiveSetup) -> None:
        """Count a session that begins with ``setup``; raises SessionEnd where none may begin.

        A resumed session is not a new one: it needs no use and no time to open.
        """
        if setup.session_resumption is not None and setup.session_resumption.handle:
            return
        if self._clock.now() >= grant.opens_until:
            raise SessionEnd(_REFUSED, "The ephemeral token opens no new sessions any more.")
        if grant.uses_left == 0:
            raise SessionEnd(_REFUSED, "The ephemeral token is used up.")
        if grant.uses_left is not None:
            grant.uses_left -= 1

    def clear(self) -> None:
        """Forget all of them."""
        self._grants.clear()


class TokenGate:
    """Stands before a session's messages: after the token's time they are refused, and the setup
    passes as the token lets it.
    """

    __slots__ = ("_grant", "_is_set_up", "_tokens")

    def __init__(self, tokens: Tokens, grant: Grant) -> None:
        self._tokens = tokens
        self._grant = grant
        self._is_set_up = False

    def __call__(self, payload: bytes | str) -> bytes | str:
        """Return what the session is to hear for ``payload``; raises SessionEnd."""
        self._tokens.check(self._grant)
        if self._is_set_up:
            return payload
        self._is_set_up = True
        try:
            message = decode(
                payload.encode() if isinstance(payload, str) else payload, ClientMessage
            )
        except (DecodeError, UnicodeEncodeError):
            return payload  # the protocol says what is wrong with it
        if message.setup is None:
            return payload
        setup = constrained_setup(message.setup, self._grant.token)
        return encode(msgspec.structs.replace(message, setup=setup))


def token_of(asking: Asking) -> str | None:
    """Return the ephemeral token that came along with a handshake."""
    scheme, _, token = asking.headers.get("authorization", "").partition(" ")
    written = token.strip() if scheme.lower() == "token" else ""
    return asking.query.get("access_token") or written or None


def _moment(text: str | None, field: str, now: float, default: float) -> float:
    """Return the time that ``text`` names; raises InvalidArgument for one that cannot be."""
    if text is None:
        return now + default
    try:
        moment = msgspec.convert(text, type=_Timestamp).timestamp()
    except msgspec.ValidationError:
        raise bad_value(
            DecodeError(
                "no timestamp", path=f"auth_token.{field}", excerpt=f'"{text[:40]}"'.encode()
            )
        ) from None
    if not now < moment < now + MAX_TOKEN_SECONDS:
        raise invalid(
            f"* CreateAuthTokenRequest.auth_token.{field}: must be in the future and less than "
            "20 hours ahead"
        )
    return moment


def _check_mask(mask: str) -> None:
    for path in mask_paths(mask):
        if path[0] not in _SETUP_FIELDS:
            raise invalid(
                f"* CreateAuthTokenRequest.auth_token.field_mask: {'.'.join(path)} is no field of "
                "bidi_generate_content_setup"
            )
