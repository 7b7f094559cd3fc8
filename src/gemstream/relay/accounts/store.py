"""Accounts in the relay's database: made, changed, reset and deleted by operators.

Strategy. Every change is one unit: the row by compare-and-set on its revision, a signed row of the
audit, and the version that all relays look at. API keys are sealed, each for its own row; they are
opened for the relays that use them and for nobody else.
"""

from __future__ import annotations

import difflib
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ...config.relay.options import AccountOptions
from ...errors import ConfigError, InvalidRequest, InvalidState
from ...stores.database import Database
from ...stores.statement import Statement
from ..keys.audit import AuditEntry, Auditor
from ..secrets.master import MasterSecret
from ..secrets.sealed import Place, Sealer
from .account_sql import (
    ALL_ACCOUNTS,
    ALL_RESETS,
    AUDIT,
    BUMP,
    CHANGE_ACCOUNT,
    COUNT_RESET,
    FORGET_ACCOUNT,
    INSERT_ACCOUNT,
    INSERT_AUDIT,
    INSERT_AUDIT_OF_ACCOUNT,
    REWRAP,
    VERSION,
)

__all__ = ("AccountStore", "StoredAccount")

_LONGEST_ACTOR = 200
_log = logging.getLogger("gemstream.relay.accounts")


class StoredAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Times in µs since 1970.

    ``options`` has nothing in ``api_key``; ``sealed`` is the key, of use to nobody without the
    master secret. ``revision`` changes with every change.
    """

    options: AccountOptions
    sealed: bytes
    revision: str
    created: int
    changed: int

    @property
    def name(self) -> str:
        """Its name, which never changes."""
        return self.options.name


class AccountStore:
    """The accounts in ``database``, which has the relay's tables (``relay_migrations``).

    ``wall``: µs since 1970. ``secret_version``: of the master secret that seals. All that waits
    raises StoreUnavailable when the database is out of reach; what changes something is done or
    not done, whoever waits for it. Raises ConfigError without ``gemstream[relay]``.
    """

    __slots__ = ("_auditor", "_database", "_sealer", "_wall", "secret_version")

    def __init__(
        self,
        database: Database,
        master: MasterSecret,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._auditor = Auditor(master)
        self._sealer = Sealer(master)
        self.secret_version = master.current
        self._wall = wall

    async def create(self, options: AccountOptions, *, actor: str) -> StoredAccount:
        """Make an account; ``options.api_key`` is sealed. Raises InvalidRequest for a name twice.

        The options are taken as they are: ``Account`` tells whether they can be used.
        """
        if any(one.name == options.name for one in await self.stored()):
            raise _name_taken(options.name)
        entry = self._entry("create", _subject(options.name), actor, ())
        sealed = self._sealed(options)
        row = (options.name, _encoded(options), sealed, entry.revision, entry.at, entry.at)
        try:
            await self._database.run(
                Statement(INSERT_ACCOUNT, row), self._audit_of(options.name, entry), BUMP
            )
        except InvalidState:  # somebody was faster
            raise _name_taken(options.name) from None
        return _stored(row)

    async def edit(
        self, options: AccountOptions, *, actor: str, revision: str | None = None
    ) -> StoredAccount:
        """Give the account of that name other options; an empty ``api_key`` keeps the one it has.

        ``revision``: the one that they were made from. Raises InvalidRequest when there is no such
        account, InvalidState when it was changed meanwhile.
        """
        old = await self.of(options.name)
        if revision is not None and revision != old.revision:
            raise _changed_meanwhile(old.name)
        fields = _changed_fields(old.options, options)
        if not fields:
            return old
        entry = self._entry("edit", _subject(old.name), actor, fields)
        sealed = self._sealed(options) if options.api_key else old.sealed
        facts = (_encoded(options), sealed, entry.revision, entry.at)
        await self._change(old, facts, self._audit_of(old.name, entry))
        return _stored((old.name, *facts[:3], old.created, entry.at))

    async def delete(self, name: str, *, actor: str) -> None:
        """Delete an account and its sealed key; raises as ``edit``."""
        old = await self.of(name)
        entry = self._entry("delete", _subject(name), actor, ())
        facts = (_encoded(old.options), old.sealed, entry.revision, entry.at)
        forget = Statement(FORGET_ACCOUNT, (name, entry.revision))
        await self._change(old, facts, self._audit_of(name, entry), forget)

    async def reset(self, name: str, *, actor: str) -> None:
        """Let every relay forget what speaks against an account; one of a file may be named too."""
        entry = self._entry("reset", _subject(name), actor, ())
        await self._database.run(Statement(COUNT_RESET, (name,)), self._audit(entry), BUMP)

    async def note(
        self, action: str, subject: str, *, actor: str, fields: Sequence[str] = ()
    ) -> None:
        """Write a row of the audit for what an operator did that changes no table."""
        await self._database.run(self._audit(self._entry(action, subject, actor, fields)))

    async def rewrap(self, *, actor: str) -> int:
        """Seal all keys with the newest master secret; return how many had an older one.

        Raises ConfigError, and has changed what it had met before, for a key that cannot be opened.
        """
        older = 0
        for account in await self.stored():
            place = _place(account.name)
            sealed = self._sealer.rotate(account.sealed, place)
            if sealed != account.sealed:
                change = Statement(REWRAP, (sealed, account.name, account.sealed))
                (done,) = await self._database.run(change)
                older += len(done)  # none: it was given another key meanwhile, by the newest
        entry = self._entry("rotate", "secrets", actor, ())
        await self._database.run(self._audit(entry), BUMP)
        return older

    async def stored(self) -> list[StoredAccount]:
        """Return all rows, oldest first; raises ConfigError for one that cannot be read."""
        return [_stored(row) for row in await self._database.fetch(ALL_ACCOUNTS)]

    async def of(self, name: str) -> StoredAccount:
        """Return an account. Raises InvalidRequest when there is none."""
        known = {one.name: one for one in await self.stored()}
        if name not in known:
            raise _no_such_account(name, known)
        return known[name]

    async def accounts(self) -> list[AccountOptions]:
        """Return the options of all accounts, with their keys, for a relay.

        A row that cannot be read or opened is left out and logged: one account must not take all
        others away.
        """
        found = []
        for row in await self._database.fetch(ALL_ACCOUNTS):
            try:
                found.append(self.opened(_stored(row)))
            except ConfigError as error:
                _log.error("the stored account %r is not used: %s", row[0], error)
        return found

    def opened(self, account: StoredAccount) -> AccountOptions:
        """Return an account's options with its key; raises ConfigError when it cannot be opened."""
        key = self._sealer.open(account.sealed, _place(account.name)).decode("ascii")
        return msgspec.structs.replace(account.options, api_key=key)

    async def resets(self) -> dict[str, int]:
        """Return how often each account was reset, by name."""
        return dict(await self._database.fetch(ALL_RESETS))

    async def version(self) -> int:
        """Return the number that every change counts up."""
        rows = await self._database.fetch(VERSION)
        version: int = rows[0][0]
        return version

    async def audit(self, limit: int = 100) -> list[AuditEntry]:
        """Return the newest rows of the audit, the newest first; ``key_id`` is their subject."""
        return self._auditor.entries(await self._database.fetch(AUDIT, limit))

    async def _change(
        self, old: StoredAccount, facts: tuple[object, ...], *more: Statement
    ) -> None:
        change = Statement(CHANGE_ACCOUNT, (*facts, old.name, old.revision))
        rows = await self._database.run(change, *more, BUMP)
        if not rows[0]:
            raise _changed_meanwhile(old.name)

    def _sealed(self, options: AccountOptions) -> bytes:
        return self._sealer.seal(options.api_key.encode("ascii"), _place(options.name))

    def _audit(self, entry: AuditEntry) -> Statement:
        return Statement(INSERT_AUDIT, self._row(entry))

    def _audit_of(self, name: str, entry: AuditEntry) -> Statement:
        return Statement(INSERT_AUDIT_OF_ACCOUNT, (*self._row(entry), name, entry.revision))

    def _row(self, entry: AuditEntry) -> tuple[object, ...]:
        revision, at, actor, action, *rest = self._auditor.signed(entry)
        return (revision, at, actor, action, entry.key_id, *rest)

    def _entry(self, action: str, subject: str, actor: str, fields: Iterable[str]) -> AuditEntry:
        if not 0 < len(actor) <= _LONGEST_ACTOR or not actor.isprintable():
            raise InvalidRequest(
                f"who changes something is named in one line of at most {_LONGEST_ACTOR} "
                f"characters, not {actor!r:.80}"
            )
        return AuditEntry(
            revision=secrets.token_hex(8),
            at=self._wall(),
            actor=actor,
            action=action,
            key_id=subject,
            fields=tuple(fields),
        )


def _subject(name: str) -> str:
    """Return what an audit calls an account: its signature fits no row about a key."""
    return f"account {name}"


def _place(name: str) -> Place:
    return Place("accounts", name, "api_key")


def _encoded(options: AccountOptions) -> str:
    return msgspec.json.encode(msgspec.structs.replace(options, api_key="")).decode()


def _stored(row: tuple[object, ...]) -> StoredAccount:
    name, options, sealed, revision, created, changed = row
    try:
        found = msgspec.json.decode(str(options), type=AccountOptions)
    except msgspec.MsgspecError as error:
        raise ConfigError(
            f"the stored options of account {name!r:.80} cannot be read: {error}"
        ) from None
    facts = {"sealed": sealed, "revision": revision, "created": created, "changed": changed}
    return StoredAccount(options=found, **facts)  # type: ignore[arg-type]  # by the columns


def _changed_fields(old: AccountOptions, new: AccountOptions) -> tuple[str, ...]:
    fields = AccountOptions.__struct_fields__
    changed = [name for name in fields if getattr(old, name) != getattr(new, name)]
    return tuple(changed)  # an api_key that is given counts: of the old one there is no text


def _name_taken(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"an account is named {name!r:.80} already; choose another name, or edit it"
    )


def _no_such_account(name: str, known: Iterable[str]) -> InvalidRequest:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `gemstream relay accounts list` shows all"
    return InvalidRequest(f"there is no account {name!r:.80} in the database{hint}")


def _changed_meanwhile(name: str) -> InvalidState:
    return InvalidState(f"account {name} was changed by somebody else meanwhile; look at it again")
