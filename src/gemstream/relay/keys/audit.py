"""What operators did to keys: one signed row for each change, in the same unit as the change."""

from __future__ import annotations

import hmac

import msgspec

from ...errors import ConfigError
from ...stores.statement import Rows, Statement
from ..secrets.master import MasterSecret, Purpose
from .key_sql import INSERT_AUDIT

__all__ = ("AuditEntry", "Auditor")


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change: ``at`` in µs since 1970, ``fields`` the options that it changed.

    ``is_genuine``: the signature is ours; None when the version of the master secret that made it
    is not given any more.
    """

    revision: str
    at: int
    actor: str
    action: str
    key_id: str
    fields: tuple[str, ...] = ()
    is_genuine: bool | None = None


class Auditor:
    """Writes and checks the rows with a key of its own."""

    __slots__ = ("_master",)

    def __init__(self, master: MasterSecret) -> None:
        self._master = master

    def statement(self, entry: AuditEntry) -> Statement:
        """Return what writes ``entry``, if the key has its revision by then."""
        return Statement(INSERT_AUDIT, (*self.signed(entry), entry.key_id, entry.revision))

    def signed(self, entry: AuditEntry) -> tuple[object, ...]:
        """Return the columns of ``entry``, all but whom it is about, with its signature."""
        fields = ",".join(entry.fields)
        version = self._master.current
        signature = self._signature(entry, version)
        return (entry.revision, entry.at, entry.actor, entry.action, fields, version, signature)

    def entries(self, rows: Rows) -> list[AuditEntry]:
        """Return what rows of the audit say, and whether they are ours."""
        return [self._checked(row) for row in rows]

    def _checked(self, row: tuple[object, ...]) -> AuditEntry:
        revision, at, actor, action, key_id, fields, version, signature = row
        entry = msgspec.convert(
            {
                "revision": revision,
                "at": at,
                "actor": actor,
                "action": action,
                "key_id": key_id,
                "fields": tuple(filter(None, str(fields).split(","))),
            },
            AuditEntry,
        )
        assert isinstance(version, int) and isinstance(signature, bytes)
        try:
            ours = self._signature(entry, version)
        except ConfigError:  # a version that is given no more
            return entry
        is_genuine = hmac.compare_digest(ours, signature)
        return msgspec.structs.replace(entry, is_genuine=is_genuine)

    def _signature(self, entry: AuditEntry, version: int) -> bytes:
        facts = (
            entry.revision,
            entry.at,
            entry.actor,
            entry.action,
            entry.key_id,
            ",".join(entry.fields),
            version,
        )
        key = self._master.sub_key(Purpose.AUDIT, version)
        return hmac.digest(key, msgspec.json.encode(facts), "sha256")
