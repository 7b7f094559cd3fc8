"""Secrets at rest: sealed with AES-256-GCM, each with a key of its own, bound to its place.

A sealed secret is a version byte, the version of the master secret (2 bytes), a salt (16), a nonce
(12), and the ciphertext with its tag (16). Its key is derived from the purpose's key and the salt.
The place (table, row, column) and the head are authenticated, so a sealed secret that is moved to
another row, or changed, does not open.
"""

from __future__ import annotations

import os
import struct

import msgspec

from ...errors import ConfigError
from .derivation import NO_CRYPTOGRAPHY, derived
from .master import MasterSecret, Purpose

__all__ = ("Place", "Sealer")

_FORMAT = 1
_HEAD = struct.Struct(">BH16s12s")
_TAG = 16


class Place(msgspec.Struct, frozen=True):
    """Where a sealed secret belongs: what was sealed for one place opens in no other."""

    table: str
    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.column} of {self.row!r:.80} in {self.table}"


class Sealer:
    """Seals and opens for one purpose; safe from many threads.

    Raises ConfigError without ``gemstream[relay]``.
    """

    __slots__ = ("_cipher", "_foreign", "_master", "_purpose")

    def __init__(self, master: MasterSecret, purpose: Purpose = Purpose.SECRET_ENCRYPTION) -> None:
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            raise ConfigError(NO_CRYPTOGRAPHY) from None
        self._master = master
        self._purpose = purpose
        self._cipher = AESGCM
        self._foreign = InvalidTag

    def seal(self, secret: bytes, place: Place) -> bytes:
        """Return ``secret`` sealed for ``place`` with the current version."""
        version = self._master.current
        salt, nonce = os.urandom(16), os.urandom(12)
        head = _HEAD.pack(_FORMAT, version, salt, nonce)
        cipher = self._cipher(self._row_key(version, salt))
        return head + cipher.encrypt(nonce, secret, _bound(head, place))

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Return what was sealed for ``place``.

        Raises ConfigError, which says what to do, for what another master secret sealed, what
        belongs to another place or purpose, and what was changed.
        """
        head, version, salt, nonce = _head_of(sealed, place)
        cipher = self._cipher(self._row_key(version, salt))
        try:
            return cipher.decrypt(nonce, sealed[_HEAD.size :], _bound(head, place))
        except self._foreign:
            raise ConfigError(
                f"{place} cannot be opened: another master secret sealed it, or it was changed or "
                "moved; start the relay with the GEMSTREAM_RELAY_SECRET or the file relay.secret "
                "that it was stored under, or store it anew"
            ) from None

    def is_current(self, sealed: bytes, place: Place) -> bool:
        """Return whether the current version sealed it. Raises ConfigError for no sealed secret."""
        return _head_of(sealed, place)[1] == self._master.current

    def rotate(self, sealed: bytes, place: Place) -> bytes:
        """Return it sealed with the current version, itself when it is; raises as ``open``."""
        secret = self.open(sealed, place)
        return sealed if self.is_current(sealed, place) else self.seal(secret, place)

    def _row_key(self, version: int, salt: bytes) -> bytes:
        return derived(self._master.sub_key(self._purpose, version), self._purpose.value, salt)


def _head_of(sealed: bytes, place: Place) -> tuple[bytes, int, bytes, bytes]:
    if len(sealed) < _HEAD.size + _TAG or sealed[0] != _FORMAT:
        raise ConfigError(
            f"{place} is no sealed secret of a format that this version knows; store it anew"
        )
    head = sealed[: _HEAD.size]
    _, version, salt, nonce = _HEAD.unpack(head)
    return head, version, salt, nonce


def _bound(head: bytes, place: Place) -> bytes:
    """Return what is authenticated beside the secret: JSON, so that no two places look alike."""
    names = msgspec.json.encode((place.table, place.row, place.column))
    return head + names
