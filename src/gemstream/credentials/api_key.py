"""The Credentials protocol and its simplest kind, an API key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from ..errors import InvalidRequest

__all__ = ("APIKey", "Credentials", "without_secret")

_REDACTED = b"[redacted]"
_TOKEN = "auth_tokens/"  # https://ai.google.dev/api/live#ephemeral-auth-tokens
_FRAGMENT = 8  # so many characters of a key are recognised as a piece of it


@runtime_checkable
class Credentials(Protocol):
    """What authorises a request; never shown in a URL, log, repr or error."""

    @property
    def account(self) -> str:
        """A name for the account that is safe to show and the same for equal credentials."""
        ...

    async def headers(self) -> Mapping[str, str]:
        """Return the headers to send, refreshed when needed."""
        ...

    def redact(self, data: bytes) -> bytes:
        """Return ``data`` with every occurrence of the secret replaced."""
        ...


class APIKey:
    """A Gemini API key, sent as ``x-goog-api-key``; its repr shows a hash.

    ``is_ephemeral``: it is a token that opens Live sessions and nothing else. Raises InvalidRequest
    for a key that no header can carry.
    """

    __slots__ = ("_key", "account", "is_ephemeral")

    def __init__(self, key: str) -> None:
        _check(key)
        self._key = key
        self.is_ephemeral = key.startswith(_TOKEN)
        self.account = "key-" + hashlib.sha256(key.encode()).hexdigest()[:8]

    async def headers(self) -> Mapping[str, str]:
        """Return the one header."""
        return {"x-goog-api-key": self._key}

    def redact(self, data: bytes) -> bytes:
        """Return ``data`` without the key, nor a beginning or end of it that an excerpt left.

        A key of fewer than 8 characters is none of Google's, and as a word of the text may stay.
        """
        secret = self._key.removeprefix(_TOKEN) if self.is_ephemeral else self._key
        return without_secret(data, secret.encode())

    def __repr__(self) -> str:
        return f"APIKey({self.account})"


def without_secret(data: bytes, secret: bytes) -> bytes:
    """Return ``data`` without ``secret``, nor a beginning or end of it of 8 bytes or more."""
    if len(secret) < _FRAGMENT:
        return data
    data = _without(data, secret, _REDACTED)
    return _without(data[::-1], secret[::-1], _REDACTED[::-1])[::-1]


def _without(data: bytes, key: bytes, replacement: bytes) -> bytes:
    """Return ``data`` with every beginning of ``key`` in it, to the whole of it, replaced."""
    kept: list[bytes] = []
    rest = data
    while (at := rest.find(key[:_FRAGMENT])) >= 0:
        kept += (rest[:at], replacement)
        rest = rest[at:]
        same = [ours == theirs for ours, theirs in zip(key, rest, strict=False)]
        rest = rest[same.index(False) if False in same else len(same) :]
    return b"".join((*kept, rest))


def _check(key: object) -> None:
    if key is not None and not isinstance(key, str):
        raise InvalidRequest(f"the API key is a {type(key).__name__}; pass it as a str")
    if not key:
        raise InvalidRequest("the API key is empty; pass api_key=… or set GEMINI_API_KEY")
    for position, character in enumerate(key):
        if not "!" <= character <= "~":
            kind = _kind(character)
            raise InvalidRequest(
                f"the API key has {kind} at position {position} of {len(key)}; "
                "copy it again without quotes, spaces or line ends"
            )


def _kind(character: str) -> str:
    if character.isspace():
        return "white space"
    return "a control character" if character.isascii() else "a character that is not ASCII"
