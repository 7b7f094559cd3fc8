"""Every statement that the store of accounts runs: constants, whose arguments are always apart.

What belongs to a change is written where the account has the revision that the change gave it:
when another change was faster, the whole unit changes nothing but the version. The casts are for
Postgres, which takes a bare argument of a SELECT for text.
"""

from __future__ import annotations

from ...stores.statement import Statement

__all__ = (
    "ALL_ACCOUNTS",
    "ALL_RESETS",
    "AUDIT",
    "BUMP",
    "CHANGE_ACCOUNT",
    "COUNT_RESET",
    "FORGET_ACCOUNT",
    "INSERT_ACCOUNT",
    "INSERT_AUDIT",
    "INSERT_AUDIT_OF_ACCOUNT",
    "REWRAP",
    "VERSION",
)

BUMP = Statement("UPDATE accounts_version SET version = version + 1 WHERE one = 1")
VERSION = "SELECT version FROM accounts_version WHERE one = 1"

INSERT_ACCOUNT = (
    "INSERT INTO accounts (name, options, api_key, revision, created, changed) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
"""Arguments: a row of those columns."""
CHANGE_ACCOUNT = (
    "UPDATE accounts SET options = ?, api_key = ?, revision = ?, changed = ? "
    "WHERE name = ? AND revision = ? RETURNING name"
)
"""Arguments: what the columns become, then the name and the revision that it must have."""
FORGET_ACCOUNT = "DELETE FROM accounts WHERE name = ? AND revision = ?"
"""Arguments: the name and its new revision."""
REWRAP = "UPDATE accounts SET api_key = ? WHERE name = ? AND api_key = ? RETURNING name"
"""Arguments: the secret sealed anew, the name, the secret as it was sealed."""
COUNT_RESET = (
    "INSERT INTO account_resets (name, count) VALUES (?, 1) "
    "ON CONFLICT (name) DO UPDATE SET count = account_resets.count + 1"
)
"""Argument: the name."""

_AUDIT = "revision, at, actor, action, subject, fields, secret, signature"
INSERT_AUDIT = f"INSERT INTO admin_audit ({_AUDIT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
"""Arguments: a row of those columns."""
INSERT_AUDIT_OF_ACCOUNT = (
    f"INSERT INTO admin_audit ({_AUDIT}) "
    "SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), "
    "CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS <blob>) "
    "FROM accounts WHERE name = ? AND revision = ?"
)
"""Arguments: a row of those columns, then the name and its new revision."""

ALL_ACCOUNTS = (
    "SELECT name, options, api_key, revision, created, changed FROM accounts ORDER BY created, name"
)
ALL_RESETS = "SELECT name, count FROM account_resets"
AUDIT = f"SELECT {_AUDIT} FROM admin_audit ORDER BY at DESC, revision LIMIT ?"
