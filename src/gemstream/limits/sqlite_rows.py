"""The books of limits as rows: read when first asked for, written once at a transaction's end.

Strategy. As long as nobody else has written to the file, which SQLite tells by its
``data_version``, what was read or written before is still what is there, and is not read again. So
one process alone only writes, once for all the requests of a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from ..errors import StoreUnavailable
from ..policy.limit.claim import Claim
from ..policy.limit.log import LimitLog, State

__all__ = ("LimitRows", "decoded")

T = TypeVar("T")

# Of books that are kept in memory from one transaction to the next.
_MOST = 1000

_states = msgspec.msgpack.Decoder(State)
_encode = msgspec.msgpack.Encoder().encode


class LimitRows:
    """Belongs to one thread; nothing of it is used outside of a transaction."""

    __slots__ = ("_changed", "_known", "_version", "log", "rows")

    def __init__(self) -> None:
        self.log = LimitLog()
        self.rows: sqlite3.Connection | None = None
        self._known: dict[str, bytes | None] = {}  # what stands in the file; None: nothing does
        self._changed: dict[str, Claim] = {}
        self._version = -1

    def begin(self, rows: sqlite3.Connection) -> None:
        """Note that a transaction has begun; what others have changed is read anew."""
        (version,) = rows.execute("PRAGMA data_version").fetchone()
        if rows is not self.rows or version != self._version or len(self._known) > _MOST:
            self.rows, self._version = rows, version
            self.log = LimitLog()
            self._known.clear()
        self._changed.clear()

    def read(self, rows: sqlite3.Connection, claims: Sequence[Claim]) -> LimitLog:
        """Return books that know of all ``claims``."""
        for claim in claims:
            if claim.key not in self._known:
                found = rows.execute("SELECT state FROM books WHERE key = ?", (claim.key,))
                row = found.fetchone()
                self._known[claim.key] = None if row is None else row[0]
                if row is not None:
                    self.log.states[claim.key] = decoded(_states, row[0])
        return self.log

    def change(self, rows: sqlite3.Connection, claims: Sequence[Claim]) -> LimitLog:
        """Return books in which what is changed of ``claims`` is going to be written."""
        self._changed.update((claim.key, claim) for claim in claims)
        return self.read(rows, claims)

    def is_new(self, claim: Claim) -> bool:
        """True when nothing of ``claim`` stands in the file yet."""
        return self._known.get(claim.key) is None

    def write(self, rows: sqlite3.Connection) -> None:
        """Write what has changed: the transaction is about to end."""
        for key, claim in self._changed.items():
            state = self.log.states.get(key)
            if state is None:
                continue
            written = _encode(state)
            if written != self._known.get(key):
                rows.execute(
                    "INSERT INTO books VALUES (?1, ?2, ?3) "
                    "ON CONFLICT (key) DO UPDATE SET state = ?2, claim = ?3",
                    (key, written, _encode(claim)),
                )
                self._known[key] = written

    def forget(self, rows: sqlite3.Connection, claim: Claim) -> None:
        """Delete the row of ``claim``."""
        rows.execute("DELETE FROM books WHERE key = ?", (claim.key,))
        self.log.states.pop(claim.key, None)
        self._known[claim.key] = None


def decoded(decoder: msgspec.msgpack.Decoder[T], blob: bytes) -> T:
    """Return what ``blob`` is; raises StoreUnavailable when it is none of ours."""
    try:
        return decoder.decode(blob)
    except msgspec.DecodeError as error:
        raise StoreUnavailable(
            f"the file of limits has a row that is none of ours ({error}); delete the file to "
            "begin anew"
        ) from None
