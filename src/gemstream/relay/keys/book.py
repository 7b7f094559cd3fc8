"""All keys in memory: a request's key is found here, and nothing else is asked.

Strategy. The book is rebuilt whole when something changed, and put in the place of the old one in
one step, so a search needs no lock and sees one state. A key that does not exist costs what one
costs that does: one digest, one comparison in constant time.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ...config.relay.options import KeyOptions
from ...errors import ConfigError
from ...policy.key.format import check_literal, parse_key
from .hasher import KeyHasher
from .key import Key, key_of

__all__ = ("Credential", "KeyBook")


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What opens a key: the digest of its text under one version of the pepper.

    ``until``: seconds since 1970 when it stops, None for never: a rotated key has two for a while.
    """

    key: Key
    digest: bytes
    pepper: int
    until: float | None = None


class KeyBook:
    """Keys of the configuration, and of the database as it was read last.

    ``clock``: seconds since 1970. Raises ConfigError for configured keys that cannot be used, or
    that two share.
    """

    __slots__ = ("_clock", "_configured", "_dummy", "_found", "_hasher", "_keys", "_stored")

    def __init__(
        self,
        configured: Iterable[KeyOptions],
        hasher: KeyHasher,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hasher = hasher
        self._clock = clock
        nobody = Key(id="", name="")
        self._dummy = (Credential(key=nobody, digest=hasher.nobody, pepper=hasher.current),)
        self._stored: tuple[Credential, ...] = ()
        self.configure(configured)

    def find(self, presented: str) -> Key | None:
        """Return the key that ``presented`` opens, disabled and expired ones too; None for none.

        No waiting, no database. Measured at 5 µs, and the same for a key that does not exist.
        """
        minted = parse_key(presented)
        if minted is not None:
            credentials = self._found.get(minted.id, self._dummy)
        else:
            digest = self._hasher.digest(presented)
            credentials = self._found.get(digest or b"", self._dummy)
        found = None
        for one in credentials:
            digest = self._hasher.digest(presented, one.pepper)
            if digest is not None and hmac.compare_digest(digest, one.digest):
                found = one
        if found is None or found is self._dummy[0]:
            return None
        if found.until is not None and self._clock() >= found.until:
            return None
        return found.key

    def of(self, key_id: str) -> Key | None:
        """Return the key called ``key_id``."""
        return self._keys.get(key_id)

    @property
    def keys(self) -> Sequence[Key]:
        """All keys, the configured ones first."""
        return tuple(self._keys.values())

    def configure(self, configured: Iterable[KeyOptions]) -> None:
        """Put other configured keys in the place of those there are. Raises as the making does.

        When it raises, the book is as it was.
        """
        credentials = []
        names: set[str] = set()
        digests: dict[bytes, str] = {}
        for options in configured:
            where, credential = self._credential(options)
            name = credential.key.name
            if name in names:
                raise ConfigError(f"two keys are named {name!r:.80}; each needs a name of its own")
            if (other := digests.get(credential.digest)) is not None:
                raise ConfigError(f"the keys {other!r:.80} and {name!r:.80} are one and the same")
            names.add(name)
            digests[credential.digest] = name
            credentials.append((where, credential))
        self._configured: tuple[tuple[str | bytes, Credential], ...] = tuple(credentials)
        self._rebuild()

    def replace_stored(self, stored: Iterable[Credential]) -> tuple[str, ...]:
        """Put other stored keys in the place of those there are.

        Returns the ids that were left out, for a configured key has that name: books would mix
        the two up.
        """
        self._stored = tuple(stored)
        self._rebuild()
        configured = {one.key.id for _, one in self._configured}
        return tuple(sorted({one.key.id for one in self._stored} & configured))

    def _rebuild(self) -> None:
        found: dict[str | bytes, tuple[Credential, ...]] = {}
        keys: dict[str, Key] = {}
        names = {one.key.id for _, one in self._configured}
        stored = ((one.key.id, one) for one in self._stored if one.key.id not in names)
        for where, one in (*self._configured, *stored):
            found[where] = (*found.get(where, ()), one)
            keys[one.key.id] = one.key
        self._found: Mapping[str | bytes, tuple[Credential, ...]] = found
        self._keys: Mapping[str, Key] = keys

    def _credential(self, options: KeyOptions) -> tuple[str | bytes, Credential]:
        """Return a configured key and what it is looked up by: its minted id, or its digest."""
        try:
            check_literal(options.key)
        except ConfigError as error:
            raise ConfigError(f"key {options.name!r:.80} cannot be used: {error}") from None
        digest = self._hasher.digest(options.key)
        assert digest is not None  # of the current version
        key = key_of(options, last4=options.key[-4:])
        minted = parse_key(options.key)
        credential = Credential(key=key, digest=digest, pepper=self._hasher.current)
        return digest if minted is None else minted.id, credential
