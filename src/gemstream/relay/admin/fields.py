"""What operators send: accounts and keys by the names that a relay's file gives their options.

A field that is not there stays as it is, one that is null goes back to its default (RFC 7396). What
a value must be is asked of the same table as for a file.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ...config.relay.options import AccountOptions, BudgetOptions, DisconnectPolicy, KeyOptions
from ...config.relay.rows import ACCOUNT, BUDGET, KEY, Row
from ...errors import ConfigError

__all__ = (
    "AccountEdit",
    "AccountFields",
    "KeyEdit",
    "KeyFields",
    "NewAccount",
    "NewKey",
    "Probe",
    "Rotation",
    "account_options",
    "key_options",
)

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Text = Annotated[str, Meta(min_length=1, max_length=1024)]
Texts = Annotated[list[Text], Meta(max_length=1000)]
Whole = Annotated[int, Meta(ge=1, le=2**53)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Dollars = Annotated[float, Meta(ge=0, le=1_000_000_000)]
Moment = Annotated[datetime.datetime, Meta(tz=True)]


class AccountFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an account can be set; see ``AccountOptions``."""

    kind: Name | UnsetType = UNSET
    api_key: Text | UnsetType = UNSET
    base_url: Text | UnsetType | None = UNSET
    models: Texts | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    groups: Texts | UnsetType = UNSET
    dedicated: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    attempt_header: bool | UnsetType = UNSET
    rpm: Whole | UnsetType | None = UNSET
    tpm: Whole | UnsetType | None = UNSET
    rpd: Whole | UnsetType | None = UNSET
    concurrency: Whole | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"  # one of them is a secret


class NewAccount(AccountFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to make."""

    name: Name
    api_key: Text


class AccountEdit(AccountFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change; ``revision``: the one it was made from, to be refused when that is the past."""

    revision: str | UnsetType = UNSET


class KeyFields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a key can be set; see ``KeyOptions``. Budgets in dollars."""

    models: Texts | UnsetType = UNSET
    surfaces: Texts | UnsetType = UNSET
    cidrs: Texts | UnsetType = UNSET
    expires: Moment | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    rpm: Whole | UnsetType | None = UNSET
    tpm: Whole | UnsetType | None = UNSET
    rpd: Whole | UnsetType | None = UNSET
    concurrency: Whole | UnsetType | None = UNSET
    rpm_burst: Whole | UnsetType | None = UNSET
    tpm_burst: Whole | UnsetType | None = UNSET
    queue: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    queue_timeout: Seconds | UnsetType = UNSET
    accounts: Texts | UnsetType = UNSET
    groups: Texts | UnsetType = UNSET
    on_disconnect: DisconnectPolicy | UnsetType = UNSET
    drain_seconds: Seconds | UnsetType = UNSET
    heartbeat: Seconds | UnsetType | None = UNSET
    max_output_tokens: Whole | UnsetType | None = UNSET
    budget_day: Dollars | UnsetType | None = UNSET
    budget_month: Dollars | UnsetType | None = UNSET
    budget_total: Dollars | UnsetType | None = UNSET


class NewKey(KeyFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to mint; its text is made, never chosen."""

    name: Name


class KeyEdit(KeyFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change; ``revision``: the one it was made from, to be refused when that is the past."""

    name: Name | UnsetType = UNSET
    revision: str | UnsetType = UNSET


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is rotated: the old text opens it for ``grace`` more seconds, a day by default."""

    grace: Annotated[float, Meta(ge=0, le=365 * 86_400)] | UnsetType = UNSET


class Probe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a test of an account asks: to count tokens of ``model``, else to list models."""

    model: Text | UnsetType = UNSET


def account_options(fields: AccountFields, old: AccountOptions) -> AccountOptions:
    """Return ``old`` with ``fields`` over it.

    Raises ConfigError with a line for each value that cannot be used; no secret is in it.
    """
    return msgspec.structs.replace(old, **_checked(fields, ACCOUNT, _defaults(AccountOptions)))


def key_options(fields: KeyFields, old: KeyOptions) -> KeyOptions:
    """Return ``old`` with ``fields`` over it; raises as ``account_options``."""
    rows = {name: row for name, row in KEY.items() if name != "key"}
    budgets = {name: row._replace(field=name) for name, row in BUDGET.items()}
    changes = _checked(fields, {**rows, **budgets}, _defaults(KeyOptions))
    spent = {BUDGET[name].field: changes.pop(name) for name in budgets if name in changes}
    budget: BudgetOptions = msgspec.structs.replace(old.budget, **spent)
    return msgspec.structs.replace(old, budget=budget, **changes)


def _checked(
    fields: msgspec.Struct, rows: Mapping[str, Row], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in _given(fields):
        row = rows.get(name)
        if row is None:
            continue  # the revision, which is no option
        if value is None:
            changes[row.field] = defaults.get(row.field)
            continue
        try:
            changes[row.field] = row.check(value)
        except ValueError as error:
            problems.append(f"{name} cannot be used; {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return changes


def _given(fields: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for name in fields.__struct_fields__:
        value = getattr(fields, name)
        if isinstance(value, DisconnectPolicy):
            value = value.value
        if value is not UNSET:
            yield name, value


def _defaults(options: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        field.name: field.default
        for field in msgspec.structs.fields(options)
        if field.default is not msgspec.NODEFAULT
    }
