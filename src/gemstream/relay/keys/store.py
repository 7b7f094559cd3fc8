"""Keys in the relay's database: minted, listed, rotated, edited and revoked by operators.

Strategy. Every change is one unit: the row by compare-and-set on its revision, its secrets, a
signed row of the audit, and the version that all relays look at. Text of a caller never gets here:
relays find keys in memory. A secret is shown when it is minted and never again.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

import msgspec

from ...config.relay.options import KeyOptions
from ...errors import ConfigError, InvalidRequest, InvalidState
from ...policy.key.format import RANDOM_BYTES, KeyText, mint
from ...stores.database import Database
from ...stores.statement import Statement
from ..secrets.master import MasterSecret
from .audit import AuditEntry, Auditor
from .book import Credential
from .hasher import KeyHasher
from .key import key_of
from .key_sql import (
    ADD_SECRET,
    ALL_CREDENTIALS,
    ALL_KEYS,
    AUDIT,
    AUDIT_OF_KEY,
    BUMP,
    CHANGE_KEY,
    FORGET_SECRETS,
    INSERT_KEY,
    RETIRE_SECRETS,
    VERSION,
)
from .stored_key import MintedKey, StoredKey, changed_fields, no_such_key

__all__ = ("GRACE", "KeyStore")

GRACE = 24 * 3600.0
"""Seconds that the old secret of a rotated key still opens it, by default."""

_MICROS = 1_000_000
_LONGEST_ACTOR = 200
_log = logging.getLogger("gemstream.relay")


class KeyStore:
    """The keys in ``database``, which has the relay's tables (``relay_migrations``).

    ``wall``: µs since 1970. All that waits raises StoreUnavailable when the database is out of
    reach; what changes something is done or not done, whoever waits for it.
    """

    __slots__ = ("_auditor", "_database", "_hasher", "_wall")

    def __init__(
        self,
        database: Database,
        master: MasterSecret,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._database = database
        self._hasher = KeyHasher(master)
        self._auditor = Auditor(master)
        self._wall = wall

    async def mint(self, options: KeyOptions, *, actor: str) -> MintedKey:
        """Make a key and return it with its text, which is never to be had again.

        ``options.key`` must be empty. Raises ConfigError for options that cannot be used, and
        InvalidRequest for a name that a key has.
        """
        _check(options)
        if any(one.name == options.name for one in await self.keys()):
            raise _name_taken(options.name)
        text = mint(secrets.token_bytes(RANDOM_BYTES))
        entry = self._entry(text.id, "mint", actor, ())
        row = (text.id, options.name, _encoded(options), entry.revision, entry.at, entry.at)
        try:
            await self._database.run(
                Statement(INSERT_KEY, row),
                self._secret(text, entry),
                self._auditor.statement(entry),
                BUMP,
            )
        except InvalidState:  # somebody was faster
            raise _name_taken(options.name) from None
        return MintedKey(id=text.id, name=options.name, text=text.text)

    async def rotate(self, key_id: str, *, actor: str, grace: float = GRACE) -> MintedKey:
        """Give a key another secret; the old one opens it for ``grace`` more seconds.

        Raises InvalidRequest when there is no such key, InvalidState as ``edit``.
        """
        if not 0 <= grace < float("inf"):
            raise InvalidRequest(f"grace is {grace!r}; it must be a number of seconds, 0 or more")
        old = await self.of(key_id)
        text = mint(secrets.token_bytes(RANDOM_BYTES), key_id)
        entry = self._entry(key_id, "rotate", actor, ("key",))
        until = entry.at + int(grace * _MICROS)
        mine = (key_id, entry.revision)
        await self._change(
            old,
            old.options,
            entry,
            Statement(RETIRE_SECRETS, (until, until, *mine)),
            Statement(FORGET_SECRETS, (entry.at, *mine)),
            self._secret(text, entry),
        )
        return MintedKey(id=key_id, name=old.name, text=text.text)

    async def edit(
        self, key_id: str, options: KeyOptions, *, actor: str, revision: str | None = None
    ) -> StoredKey:
        """Give a key other options; ``revision`` is the one that they were made from.

        Raises ConfigError for options that cannot be used, InvalidRequest when there is no such
        key or another has the name, InvalidState when the key was changed meanwhile.
        """
        _check(options)
        old = await self.of(key_id)
        if revision is not None and revision != old.revision:
            raise _changed_meanwhile(key_id)
        if any(one.name == options.name and one.id != key_id for one in await self.keys()):
            raise _name_taken(options.name)
        fields = changed_fields(old.options, options)
        if fields:
            await self._change(old, options, self._entry(key_id, "edit", actor, fields))
        return await self.of(key_id)

    async def disable(self, key_id: str, *, actor: str) -> StoredKey:
        """Let a key open nothing until it is enabled again; raises as ``edit``."""
        return await self._switch(key_id, actor, is_enabled=False)

    async def enable(self, key_id: str, *, actor: str) -> StoredKey:
        """Let a disabled key open again what it did; raises as ``edit``."""
        return await self._switch(key_id, actor, is_enabled=True)

    async def revoke(self, key_id: str, *, actor: str) -> None:
        """Let a key open nothing, for ever; raises as ``rotate``. Its name is free again."""
        old = await self.of(key_id)
        entry = self._entry(key_id, "revoke", actor, ())
        retire = Statement(RETIRE_SECRETS, (entry.at, entry.at, key_id, entry.revision))
        await self._change(old, old.options, entry, retire, revoked=entry.at)

    async def keys(self, *, revoked: bool = False) -> list[StoredKey]:
        """Return all keys, oldest first; the revoked ones too when asked for."""
        found: dict[str, StoredKey] = {}
        for (
            id_,
            name,
            options,
            revision,
            created,
            changed,
            at,
            last4,
            until,
        ) in await self._database.fetch(ALL_KEYS):
            if at is not None and not revoked:
                continue
            key = found.get(id_) or StoredKey(
                id=id_,
                options=_decoded(options, name),
                revision=revision,
                last4=last4 or "",
                created=created,
                changed=changed,
                revoked=at,
            )
            if until is None:
                key = msgspec.structs.replace(key, last4=last4 or "")
            elif at is None and until > self._wall():
                key = msgspec.structs.replace(key, old_until=max(until, key.old_until or 0))
            found[id_] = key
        return list(found.values())

    async def of(self, key_id: str) -> StoredKey:
        """Return a key that is not revoked. Raises InvalidRequest when there is none."""
        keys = {one.id: one for one in await self.keys()}
        if key_id not in keys:
            raise no_such_key(key_id, keys)
        return keys[key_id]

    async def version(self) -> int:
        """Return the number that every change counts up."""
        rows = await self._database.fetch(VERSION)
        version: int = rows[0][0]
        return version

    async def credentials(self) -> tuple[Credential, ...]:
        """Return what opens keys, for ``KeyBook.replace_stored``.

        A row that a newer gemstream wrote, and this one cannot read, opens nothing and is logged:
        one key must not lock out all others.
        """
        credentials = []
        for key_id, options, digest, pepper, last4, until in await self._database.fetch(
            ALL_CREDENTIALS
        ):
            try:
                key = key_of(_decoded(options, key_id), id=key_id, last4=last4)
            except ConfigError as error:
                _log.error("key %s opens nothing: %s", key_id, error)
                continue
            if self._hasher.digest("", pepper) is None:
                _log.error(
                    "key %s opens nothing: version %d of the master secret is not given",
                    key_id,
                    pepper,
                )
            ends = None if until is None else until / _MICROS
            credentials.append(Credential(key=key, digest=digest, pepper=pepper, until=ends))
        return tuple(credentials)

    async def check(self) -> None:
        """Raise ConfigError when the keys were made under another master secret: none would open.

        Told by the signatures of the audit, of which one at least must be ours.
        """
        entries = await self.audit()
        if entries and not any(entry.is_genuine for entry in entries):
            raise ConfigError(
                "the keys in the database were made under another master secret, so none of them "
                "opens; start the relay with the GEMSTREAM_RELAY_SECRET or the file relay.secret "
                "that they were made with, or name another database"
            )

    async def audit(self, limit: int = 100, key_id: str | None = None) -> list[AuditEntry]:
        """Return the newest changes, of one key when it is named, the newest first."""
        if key_id is None:
            rows = await self._database.fetch(AUDIT, limit)
        else:
            rows = await self._database.fetch(AUDIT_OF_KEY, key_id, limit)
        return self._auditor.entries(rows)

    async def _switch(self, key_id: str, actor: str, *, is_enabled: bool) -> StoredKey:
        old = await self.of(key_id)
        options = msgspec.structs.replace(old.options, is_enabled=is_enabled)
        return await self.edit(key_id, options, actor=actor, revision=old.revision)

    async def _change(
        self,
        old: StoredKey,
        options: KeyOptions,
        entry: AuditEntry,
        *more: Statement,
        revoked: int | None = None,
    ) -> None:
        """Write ``options`` over ``old``, and ``more`` with them, or raise InvalidState."""
        facts = (options.name, _encoded(options), entry.revision, entry.at, revoked)
        change = Statement(CHANGE_KEY, (*facts, old.id, old.revision))
        try:
            rows = await self._database.run(change, *more, self._auditor.statement(entry), BUMP)
        except InvalidState:
            raise _name_taken(options.name) from None
        if not rows[0]:
            raise _changed_meanwhile(old.id)

    def _secret(self, text: KeyText, entry: AuditEntry) -> Statement:
        facts = (self._hasher.digest(text.text), self._hasher.current, text.text[-4:])
        return Statement(ADD_SECRET, (*facts, text.id, entry.revision))

    def _entry(self, key_id: str, action: str, actor: str, fields: tuple[str, ...]) -> AuditEntry:
        if not 0 < len(actor) <= _LONGEST_ACTOR or not actor.isprintable():
            raise InvalidRequest(
                f"who changes a key is named in one line of at most {_LONGEST_ACTOR} characters, "
                f"not {actor!r:.80}"
            )
        return AuditEntry(
            revision=secrets.token_hex(8),
            at=self._wall(),
            actor=actor,
            action=action,
            key_id=key_id,
            fields=fields,
        )


def _check(options: KeyOptions) -> None:
    if options.key:
        raise ConfigError("a key in the database is minted; its text cannot be chosen")
    key_of(options)


def _encoded(options: KeyOptions) -> str:
    return msgspec.json.encode(options).decode()


def _decoded(options: str, name: str) -> KeyOptions:
    try:
        return msgspec.json.decode(options, type=KeyOptions)
    except msgspec.MsgspecError as error:
        raise ConfigError(
            f"the stored options of key {name!r:.80} cannot be read: {error}"
        ) from None


def _name_taken(name: str) -> InvalidRequest:
    return InvalidRequest(f"a key is named {name!r:.80} already; choose another name, or edit it")


def _changed_meanwhile(key_id: str) -> InvalidState:
    return InvalidState(f"key {key_id} was changed by somebody else meanwhile; look at it again")
