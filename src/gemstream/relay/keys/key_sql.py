"""Every statement that the store of keys runs: constants, whose arguments are always apart.

What belongs to a change is written where the key has the revision that the change gave it: when
another change was faster, the whole unit changes nothing but the version. The casts are for
Postgres, which takes a bare argument of a SELECT for text.
"""

from __future__ import annotations

from ...stores.statement import Statement

__all__ = (
    "ADD_SECRET",
    "ALL_CREDENTIALS",
    "ALL_KEYS",
    "AUDIT",
    "AUDIT_OF_KEY",
    "BUMP",
    "CHANGE_KEY",
    "FORGET_SECRETS",
    "INSERT_AUDIT",
    "INSERT_KEY",
    "RETIRE_SECRETS",
    "VERSION",
)

BUMP = Statement("UPDATE keys_version SET version = version + 1 WHERE one = 1")
VERSION = "SELECT version FROM keys_version WHERE one = 1"

INSERT_KEY = (
    "INSERT INTO keys (id, name, options, revision, created, changed) VALUES (?, ?, ?, ?, ?, ?)"
)
"""Arguments: a row of those columns."""
CHANGE_KEY = (
    "UPDATE keys SET name = ?, options = ?, revision = ?, changed = ?, revoked = ? "
    "WHERE id = ? AND revision = ? RETURNING id"
)
"""Arguments: what the columns become, then the id and the revision that it must have."""

ADD_SECRET = (
    "INSERT INTO key_secrets (key_id, digest, pepper, last4) SELECT id, CAST(? AS <blob>), "
    "CAST(? AS BIGINT), CAST(? AS TEXT) FROM keys WHERE id = ? AND revision = ?"
)
"""Arguments: digest, pepper, last4, then the id and its new revision."""
RETIRE_SECRETS = (
    "UPDATE key_secrets SET until = CAST(? AS BIGINT) WHERE (until IS NULL OR until > ?) "
    "AND key_id IN (SELECT id FROM keys WHERE id = ? AND revision = ?)"
)
"""Arguments: the end, twice, then the id and its new revision."""
FORGET_SECRETS = (
    "DELETE FROM key_secrets WHERE until <= ? "
    "AND key_id IN (SELECT id FROM keys WHERE id = ? AND revision = ?)"
)
"""Arguments: now, then the id and its new revision."""
INSERT_AUDIT = (
    "INSERT INTO key_audit (revision, at, actor, action, key_id, fields, secret, signature) "
    "SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), id, "
    "CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS <blob>) "
    "FROM keys WHERE id = ? AND revision = ?"
)
"""Arguments: a row of those columns without the key's id, then that and its new revision."""

ALL_KEYS = (
    "SELECT k.id, k.name, k.options, k.revision, k.created, k.changed, k.revoked, s.last4, s.until "
    "FROM keys k LEFT JOIN key_secrets s ON s.key_id = k.id ORDER BY k.created, k.id"
)
"""One row for each secret: the newest one's ``until`` is NULL, unless the key is revoked."""
ALL_CREDENTIALS = (
    "SELECT k.id, k.options, s.digest, s.pepper, s.last4, s.until FROM keys k "
    "JOIN key_secrets s ON s.key_id = k.id WHERE k.revoked IS NULL ORDER BY k.created, k.id"
)
AUDIT = (
    "SELECT revision, at, actor, action, key_id, fields, secret, signature "
    "FROM key_audit ORDER BY at DESC, revision LIMIT ?"
)
AUDIT_OF_KEY = (
    "SELECT revision, at, actor, action, key_id, fields, secret, signature "
    "FROM key_audit WHERE key_id = ? ORDER BY at DESC, revision LIMIT ?"
)
