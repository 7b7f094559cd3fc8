"""The relay's master secret, outside of every database, and the keys that are derived from it.

Each purpose has a key of its own (HKDF-SHA256, RFC 5869), so what was made for one is of no use to
another: a relay that used one secret for two purposes gave its administration away
(CVE-2026-114612). A master secret has versions: what an old one made can be read for as long as it
is given, and everything new is made with the highest.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping
from types import MappingProxyType

from ...errors import ConfigError
from .derivation import derived

__all__ = ("LEAST_SECRET", "MasterSecret", "Purpose", "parse_master")

LEAST_SECRET = 32
"""The least length of a master secret, in characters."""

_HIGHEST_VERSION = 2**16 - 1
_SHAPE = "one text of 32 characters or more, or several with versions, as 2:NEW,1:OLD"


class Purpose(enum.Enum):
    """What a derived key is for; the value is its HKDF label and must never change."""

    KEY_HASH = "gemstream relay key-hash"
    SECRET_ENCRYPTION = "gemstream relay secret-encryption"
    SESSION = "gemstream relay session"
    SIGNATURE = "gemstream relay signature"
    AUDIT = "gemstream relay audit"
    UPLOAD = "gemstream relay upload"


class MasterSecret:
    """The versions of a master secret; shows itself to nobody. Raises ConfigError for none."""

    __slots__ = ("_derive", "_versions")

    def __init__(self, versions: Mapping[int, str]) -> None:
        _check(versions)
        self._versions = MappingProxyType(dict(versions))
        # Per instance: a cache of the class would keep a secret alive that nobody has any more.
        self._derive = functools.cache(self._derived)

    @property
    def current(self) -> int:
        """The version that everything new is made with."""
        return max(self._versions)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions that are given, the newest first."""
        return tuple(sorted(self._versions, reverse=True))

    def sub_key(self, purpose: Purpose, version: int | None = None) -> bytes:
        """Return the 32 bytes for ``purpose``, of the current version unless another is named.

        Raises ConfigError for a version that is not given, and without ``gemstream[relay]``.
        """
        version = self.current if version is None else version
        if version not in self._versions:
            given = ", ".join(map(str, self.versions))
            raise ConfigError(
                f"version {version} of the relay's master secret is needed and only {given} is "
                f"given; add it to GEMSTREAM_RELAY_SECRET or to the secret's file, as {version}:…"
            )
        return self._derive(purpose, version)

    def __repr__(self) -> str:
        return f"MasterSecret(versions={self.versions})"

    def _derived(self, purpose: Purpose, version: int) -> bytes:
        return derived(self._versions[version].encode(), purpose.value)


def parse_master(text: str) -> MasterSecret:
    """Return the master secret that ``text`` gives: one, or versions between commas or on lines.

    A secret without a version is version 1. Raises ConfigError, which never quotes it.
    """
    versions: dict[int, str] = {}
    for entry in text.replace(",", "\n").split():
        number, colon, secret = entry.partition(":")
        if not colon:
            number, secret = "1", entry
        if not (number.isascii() and number.isdigit()):
            raise ConfigError(
                f"the relay's master secret has an entry whose version is no number; give {_SHAPE}"
            )
        if int(number[:9]) in versions:
            raise ConfigError(f"the relay's master secret has version {int(number[:9])} twice")
        versions[int(number[:9])] = secret
    return MasterSecret(versions)


def _check(versions: Mapping[int, str]) -> None:
    if not versions:
        raise ConfigError(f"the relay's master secret is empty; give {_SHAPE}")
    for version, secret in versions.items():
        if not 1 <= version <= _HIGHEST_VERSION:
            raise ConfigError(
                f"the relay's master secret has version {version}; versions are numbers from 1 "
                f"to {_HIGHEST_VERSION}"
            )
        if len(secret) < LEAST_SECRET:
            raise ConfigError(
                f"version {version} of the relay's master secret has {len(secret)} characters; "
                f"it needs {LEAST_SECRET} or more, as `openssl rand -base64 32` makes them"
            )
