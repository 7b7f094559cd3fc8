"""Which account has a file, and which key may name it: rows in the relay's database.

Every question carries the key: of another key's files nothing is found, as if they were not there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import msgspec

from ...stores.database import Database
from ...stores.statement import Statement

__all__ = ("LIFETIME", "Pin", "Pins", "is_resource_name")

LIFETIME = 48 * 3600
"""Seconds that the service keeps a file. Source: https://ai.google.dev/gemini-api/docs/files."""

_NAME = re.compile(r"(?:files|cachedContents)/[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_FORGET = "DELETE FROM pins WHERE expires <= ?"
_ADD = (
    "INSERT INTO pins (account, name, key_id, created, expires) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (account, name) DO UPDATE SET key_id = excluded.key_id, "
    "created = excluded.created, expires = excluded.expires"
)
_REMOVE = "DELETE FROM pins WHERE account = ? AND name = ? AND key_id = ?"
_FIELDS = "name, account, created"
_FIND = f"SELECT {_FIELDS} FROM pins WHERE key_id = ? AND name = ? AND expires > ? "
_NEWEST = "ORDER BY created DESC LIMIT 1"
_PAGE = (
    f"SELECT {_FIELDS} FROM pins WHERE key_id = ? AND expires > ? AND (created, name) < (?, ?) "
    "ORDER BY created DESC, name DESC LIMIT ?"
)


def is_resource_name(name: str) -> bool:
    """Return True for what can be the name of a file or a cache; nothing else has a pin."""
    return _NAME.fullmatch(name) is not None


class Pin(msgspec.Struct, frozen=True):
    """A resource, as ``files/abc``, and the account that has it; ``created`` in µs since 1970."""

    name: str
    account: str
    created: int


class Pins:
    """The pins of all keys; ``clock``: seconds since 1970."""

    __slots__ = ("_clock", "_database")

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def add(self, key_id: str, name: str, account: str, lifetime: float = LIFETIME) -> None:
        """Note that ``account`` has ``name`` for the key; who had the name there has it no more.

        Those that are over are forgotten with it. Raises StoreUnavailable; safe to cancel.
        """
        now = self._now()
        expires = now + round(lifetime * 1_000_000)
        await self._database.run(
            Statement(_FORGET, (now,)),
            Statement(_ADD, (account, name, key_id, now, expires)),
        )

    async def remove(self, key_id: str, pin: Pin) -> None:
        """Forget a pin of the key. Raises StoreUnavailable; safe to cancel."""
        await self._database.run(Statement(_REMOVE, (pin.account, pin.name, key_id)))

    async def find(self, key_id: str, name: str) -> Pin | None:
        """Return the key's pin of ``name``, the newest of several; None for none.

        Raises StoreUnavailable.
        """
        if not is_resource_name(name):
            return None
        rows = await self._database.fetch(_FIND + _NEWEST, key_id, name, self._now())
        return Pin(*rows[0]) if rows else None

    async def page(self, key_id: str, size: int, after: Pin | None = None) -> Sequence[Pin]:
        """Return ``size`` pins of the key at most, the newest first, those behind ``after``.

        Raises StoreUnavailable.
        """
        created, name = (2**62, "") if after is None else (after.created, after.name)
        rows = await self._database.fetch(_PAGE, key_id, self._now(), created, name, size)
        return [Pin(*row) for row in rows]

    def _now(self) -> int:
        return round(self._clock() * 1_000_000)
