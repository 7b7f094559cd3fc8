"""Keys as digests: HMAC-SHA256 under a key that is in no database.

A key is 256 random bits, so there is nothing to slow down a guesser for: scrypt would cost 49 ms a
request where this costs 2 µs. Always the whole key is hashed, never a part of it: a cache that went
by the first 20 characters took one caller for another (CVE-2026-35030).
"""

from __future__ import annotations

import hmac
import secrets

from ..secrets.master import MasterSecret, Purpose

__all__ = ("KeyHasher",)


class KeyHasher:
    """Hashes keys with the versions of a master secret. Raises ConfigError as ``sub_key``."""

    __slots__ = ("_peppers", "current", "nobody")

    def __init__(self, master: MasterSecret) -> None:
        self.current = master.current
        self._peppers = {
            version: master.sub_key(Purpose.KEY_HASH, version) for version in master.versions
        }
        self.nobody = secrets.token_bytes(32)
        """The digest of no key: what an unknown one is compared with."""

    def digest(self, text: str, version: int | None = None) -> bytes | None:
        """Return the 32 bytes that ``text`` is known by; None for a version that is not given."""
        pepper = self._peppers.get(self.current if version is None else version)
        return None if pepper is None else hmac.digest(pepper, text.encode(), "sha256")
