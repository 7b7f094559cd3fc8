"""The books of limits in SQLite: rows, put through ``policy.limit``, with a lease on what runs.

Every method runs within a transaction that may write, so between its reading and its writing
nobody else does either. What a process holds is open under its name until a time that it puts off
as long as it lives; when that has passed, whoever comes next settles what it held.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from ..policy.limit.claim import Claim, Moment, Refused, Spent, Unit, Wait
from ..policy.limit.log import Level
from .sqlite_rows import LimitRows, decoded

__all__ = ("SCHEMA", "SQLiteBooks")

SCHEMA = (
    """
    CREATE TABLE books (key TEXT PRIMARY KEY, state BLOB NOT NULL, claim BLOB NOT NULL);
    CREATE TABLE holders (
        holder TEXT PRIMARY KEY, renewed INTEGER NOT NULL, until INTEGER NOT NULL
    );
    CREATE TABLE held (
        name TEXT PRIMARY KEY, holder TEXT NOT NULL, claims BLOB NOT NULL, tokens INTEGER NOT NULL
    );
    CREATE INDEX held_by ON held (holder)
    """,
)
# So many old books are looked at for each new one: the file follows use, and no one call pays.
_SWEPT = 2

_claims = msgspec.msgpack.Decoder(tuple[Claim, ...])
_claim = msgspec.msgpack.Decoder(Claim)
_encode = msgspec.msgpack.Encoder().encode


class SQLiteBooks:
    """The books as one process sees them; used by one thread at a time.

    ``clock``: gives the moment. ``lease``: microseconds of that clock that what a killed process
    held stays held. ``holder``: the name of this process.
    """

    __slots__ = (
        "_clock",
        "_held",
        "_lease",
        "_pid",
        "_swept",
        "book",
        "holder",
        "is_given_up",
        "parents",
    )

    def __init__(self, clock: Callable[[], Moment], lease: int) -> None:
        self._clock = clock
        self._lease = lease
        self._held: dict[str, tuple[Claim, ...]] = {}
        self._swept = ""  # the key that was looked at last
        self.book = LimitRows()
        # Set once corrections go elsewhere: what was held then must lapse, nobody settles it.
        self.is_given_up = False
        self.parents: tuple[str, ...] = ()  # holders in processes that this one was forked from
        self._name_holder()

    def notice_fork(self) -> bool:
        """Take another name in a forked child, which holds nothing; True when it just did."""
        if os.getpid() == self._pid:
            return False
        self.parents += (self.holder,)
        self._held = {}
        self.book = LimitRows()
        self._name_holder()
        return True

    @property
    def is_holding(self) -> bool:
        """True when something is open, so the lease has to be renewed."""
        return bool(self._held) and not self.is_given_up

    # --- the frame of a transaction ----------------------------------------------------------

    def begin(self, rows: sqlite3.Connection) -> None:
        """Note that a transaction has begun, and settle what processes held that are gone."""
        self.book.begin(rows)
        now = self._clock().now
        # Renewed ahead of now: before the machine started anew.
        lapsed = rows.execute(
            "SELECT holder FROM holders WHERE (until <= ?1 OR renewed > ?1) AND holder != ?2",
            (now, self.holder),
        ).fetchall()
        for (holder,) in lapsed:
            self._settle_all_of(rows, holder)

    def end(self, rows: sqlite3.Connection) -> None:
        """Write what has changed."""
        self.book.write(rows)

    # --- what a store does -------------------------------------------------------------------

    def reserve(
        self, rows: sqlite3.Connection, name: str, claims: Sequence[Claim]
    ) -> Wait | Refused | None:
        """Take all of ``claims`` and return None, or take nothing and say why."""
        log = self.book.read(rows, claims)
        verdict = log.reserve(name, claims, self._clock())
        if verdict is not None:
            return verdict
        self.book.change(rows, claims)
        self._held[name] = tuple(claims)
        self._write_held(rows, name, max((_tokens(claim) for claim in claims), default=0))
        self.renew(rows)
        self._sweep(rows, _SWEPT * sum(map(self.book.is_new, claims)))
        return None

    def stamp(self, rows: sqlite3.Connection, name: str, claims: Sequence[Claim]) -> None:
        """Note that the head of the answer is here."""
        self.book.change(rows, claims).stamp(name, claims, self._clock())

    def adjust(
        self, rows: sqlite3.Connection, name: str, claims: Sequence[Claim], tokens: int
    ) -> None:
        """Correct what a running request has used of tokens so far."""
        self.book.change(rows, claims).adjust(name, claims, tokens, self._clock())
        rows.execute("UPDATE held SET tokens = ? WHERE name = ?", (tokens, name))

    def settle(
        self, rows: sqlite3.Connection, name: str, claims: Sequence[Claim], spent: Spent
    ) -> None:
        """Correct what a request used to what it was; it runs no more."""
        self.book.change(rows, claims).settle(name, claims, spent, self._clock())
        rows.execute("DELETE FROM held WHERE name = ?", (name,))
        self._held.pop(name, None)

    def hold(self, rows: sqlite3.Connection, gate: Claim, delay: int) -> None:
        """Let nothing through ``gate`` for ``delay`` microseconds."""
        self.book.change(rows, (gate,)).hold(gate, delay, self._clock())

    def levels(self, rows: sqlite3.Connection, claims: Sequence[Claim]) -> list[Level]:
        """Return how full the limits are."""
        return self.book.read(rows, claims).levels(claims, self._clock())

    def scopes(self, rows: sqlite3.Connection, prefix: str) -> list[str]:
        """Return the scopes that begin with ``prefix`` and of which something is written."""
        self.book.write(rows)
        found = rows.execute(
            "SELECT key FROM books WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
        )
        return sorted({key.rpartition("|")[0] for (key,) in found})

    # --- leases ------------------------------------------------------------------------------

    def renew(self, rows: sqlite3.Connection) -> None:
        """Put off the end of this process's lease."""
        now = self._clock().now
        lease = (now, now + self._lease, self.holder)
        found = rows.execute("UPDATE holders SET renewed = ?, until = ? WHERE holder = ?", lease)
        if found.rowcount:
            return
        rows.execute("INSERT INTO holders (renewed, until, holder) VALUES (?, ?, ?)", lease)
        # New, or thought dead while it was stopped: what still runs is not cut, but counted again.
        for name, claims in self._held.items():
            if not rows.execute("SELECT 1 FROM held WHERE name = ?", (name,)).fetchone():
                self.book.change(rows, claims).resume(name, claims, self._clock())
                self._write_held(rows, name, 0)

    def leave(self, rows: sqlite3.Connection) -> None:
        """Settle what nobody will settle any more, for the process closes its books."""
        self._settle_all_of(rows, self.holder)
        self._held = {}

    def _write_held(self, rows: sqlite3.Connection, name: str, tokens: int) -> None:
        rows.execute(
            "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)",
            (name, self.holder, _encode(self._held[name]), tokens),
        )

    def _settle_all_of(self, rows: sqlite3.Connection, holder: str) -> None:
        """Settle what ``holder`` held as if it had used what was estimated, or known by then."""
        held = rows.execute("SELECT name, claims, tokens FROM held WHERE holder = ?", (holder,))
        for name, encoded, tokens in held.fetchall():
            claims = decoded(_claims, encoded)
            log = self.book.change(rows, claims)
            log.settle(name, claims, Spent(1, tokens), self._clock())
        rows.execute("DELETE FROM held WHERE holder = ?", (holder,))
        rows.execute("DELETE FROM holders WHERE holder = ?", (holder,))

    def _sweep(self, rows: sqlite3.Connection, count: int) -> None:
        """Forget some old books that nobody would miss."""
        if not count:
            return
        found = rows.execute(
            "SELECT key, claim FROM books WHERE key > ? ORDER BY key LIMIT ?",
            (self._swept, count),
        ).fetchall()
        for _, encoded in found:
            claim = decoded(_claim, encoded)
            if self.book.read(rows, (claim,)).sweep((claim,), self._clock()):
                self.book.forget(rows, claim)
        self._swept = found[-1][0] if len(found) == count else ""

    def _name_holder(self) -> None:
        self._pid = os.getpid()
        self.holder = secrets.token_urlsafe(6)


def _tokens(claim: Claim) -> int:
    return claim.cost if claim.unit is Unit.TOKENS else 0
