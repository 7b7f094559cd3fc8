"""What a minted key looks like: ``gk_live_``, its id, ``_``, its secret, and a checksum.

The id finds the key's row and is no secret. The checksum lets a client, or a scanner of leaked
text, tell a typo from a key without asking anybody; it protects nothing. All of it is ASCII letters
and digits, but for the secret, which may have ``-`` and ``_``.
"""

from __future__ import annotations

import base64
import re
import zlib

import msgspec

from ...errors import ConfigError

__all__ = (
    "LEAST_LITERAL",
    "LONGEST_KEY",
    "MINTED_PREFIX",
    "RANDOM_BYTES",
    "KeyText",
    "check_literal",
    "mint",
    "parse_key",
)

MINTED_PREFIX = "gk_live_"
RANDOM_BYTES = 8 + 32
"""How many random bytes a key is made of: 59 bits of id, 256 of secret."""
LEAST_LITERAL = 24
"""The least length of a key that the operator chose: what is shorter could be guessed."""
LONGEST_KEY = 512
"""The greatest length of any key."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_SIZE = 10
_SUM_SIZE = 6  # 62 ** 6 is more than 2 ** 32
_MINTED = re.compile(r"gk_live_([0-9A-Za-z]{10})_[0-9A-Za-z_-]{43}([0-9A-Za-z]{6})")
_LITERAL = re.compile(rf"[!-~]{{{LEAST_LITERAL},{LONGEST_KEY}}}")


class KeyText(msgspec.Struct, frozen=True, gc=False):
    """A minted key in full: ``text`` is the secret thing, ``id`` may be shown and stored."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"KeyText(id={self.id!r})"  # a log or a traceback must not hold the secret


def mint(random: bytes, key_id: str | None = None) -> KeyText:
    """Return the key made of ``RANDOM_BYTES`` random bytes; ``key_id`` for one that has an id."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} random bytes, not of {len(random)}")
    key_id = key_id or _digits(int.from_bytes(random[:8]), _ID_SIZE)
    secret = base64.urlsafe_b64encode(random[8:]).rstrip(b"=").decode()
    body = f"{MINTED_PREFIX}{key_id}_{secret}"
    return KeyText(key_id, body + _checksum(body))


def parse_key(text: str) -> KeyText | None:
    """Return the parts of a minted key; None for any other text, a key with a typo included."""
    found = _MINTED.fullmatch(text)
    if found is None or _checksum(text[:-_SUM_SIZE]) != found[2]:
        return None
    return KeyText(found[1], text)


def check_literal(text: str) -> None:
    """Raise ConfigError for what cannot be the key of a configuration; the key is never quoted."""
    if not _LITERAL.fullmatch(text):
        raise ConfigError(
            f"it has {len(text)} characters; a key has {LEAST_LITERAL} to {LONGEST_KEY} visible "
            "ASCII characters and no spaces, as `gemstream relay keys create` makes them"
        )
    if text.startswith(MINTED_PREFIX) and parse_key(text) is None:
        raise ConfigError(
            f"it begins with {MINTED_PREFIX} and its checksum is wrong, so it was not copied "
            "whole; copy it again, or choose a key that does not begin so"
        )


def _checksum(body: str) -> str:
    return _digits(zlib.crc32(body.encode()), _SUM_SIZE)


def _digits(number: int, size: int) -> str:
    """Return the last ``size`` digits of a number to the base of 62."""
    digits = []
    for _ in range(size):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
