"""Reading a relay's file: TOML in, options out, or every problem of it with place and remedy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...errors import ConfigError
from ..prices import price_table
from ..timeouts import Timeouts
from ..toml_file import TOMLFile, read_toml
from .checks import model
from .consistency import Entry, check_accounts, check_aliases, check_keys, conflicts
from .options import (
    AccountOptions,
    AdminOptions,
    BudgetOptions,
    KeyOptions,
    LedgerOptions,
    LogForm,
    RelayOptions,
    ServerOptions,
)
from .reading import Reading
from .rows import ACCOUNT, ADMIN, BUDGET, KEY, LEDGER, LIMITS, SERVER, TIMEOUTS

__all__ = ("KINDS", "Overrides", "load_relay", "relay_options", "with_overrides")

KINDS = ("gemini",)
"""The kinds of accounts that a relay can use."""

_SECTIONS = ("server", "admin", "ledger", "limits", "accounts", "keys", "aliases", "prices")


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line sets over the file, now and whenever it is read again."""

    host: str | None = None
    port: int | None = None
    workers: int | None = None
    log: LogForm | None = None


_NONE = Overrides()


def load_relay(
    path: Path,
    environ: Mapping[str, str],
    *,
    kinds: Collection[str] = KINDS,
    overrides: Overrides = _NONE,
) -> RelayOptions:
    """Return the options in the file ``path``; opens nothing else.

    Raises ConfigError with a line for each problem: file, line and key, what is wrong with it and
    what would be right. No secret is shown.
    """
    return relay_options(read_toml(path), environ, kinds=kinds, overrides=overrides)


def relay_options(
    file: TOMLFile,
    environ: Mapping[str, str],
    *,
    kinds: Collection[str] = KINDS,
    overrides: Overrides = _NONE,
) -> RelayOptions:
    """Return the options that ``file`` gives; raises ConfigError as ``load_relay`` does."""
    reading = Reading(file, environ)
    for name in file.tables:
        if name not in _SECTIONS:
            reading.note_unknown((name,), _SECTIONS)
    accounts, keys = _entries(reading, "accounts"), _entries(reading, "keys")
    check_accounts(reading, accounts, kinds)
    check_keys(reading, keys, accounts)
    given = {
        "server": _server(reading),
        "admin": AdminOptions(**_section(reading, "admin")),
        "ledger": LedgerOptions(**_section(reading, "ledger")),
        "aliases": _aliases(reading),
        "prices": _prices(reading),
        **_section(reading, "limits"),
    }
    if reading.problems:
        raise ConfigError("\n".join(reading.problems))
    options = RelayOptions(
        accounts=tuple(AccountOptions(**account) for _, account in accounts),
        keys=tuple(_key(key) for _, key in keys),
        **given,
    )
    return with_overrides(options, overrides, origin=str(file.path))


def with_overrides(options: RelayOptions, overrides: Overrides, *, origin: str) -> RelayOptions:
    """Return ``options`` with ``overrides`` over them; raises ConfigError, naming ``origin``, for
    values that exclude each other.
    """
    given = {
        name: value
        for name in overrides.__struct_fields__
        if (value := getattr(overrides, name)) is not None
    }
    server = msgspec.structs.replace(options.server, **given)
    settled = msgspec.structs.replace(options, server=server)
    if found := conflicts(settled):
        raise ConfigError("\n".join(f"{origin}: {said}" for said in found))
    return settled


_ROWS = {"admin": ADMIN, "ledger": LEDGER, "limits": LIMITS}


def _section(reading: Reading, name: str) -> dict[str, Any]:
    return reading.values((name,), reading.table((name,), reading.file.tables), _ROWS[name])


def _server(reading: Reading) -> ServerOptions:
    key = ("server",)
    table = reading.table(key, reading.file.tables)
    given = reading.values(key, table, SERVER, also=("timeouts",))
    below = (*key, "timeouts")
    timeouts = reading.values(below, reading.table(below, table), TIMEOUTS)
    return ServerOptions(timeouts=Timeouts(**timeouts), **given)


def _entries(reading: Reading, name: str) -> list[Entry]:
    rows = ACCOUNT if name == "accounts" else {**KEY, **_BUDGET_OF_KEY}
    return [(key, reading.values(key, table, rows)) for key, table in reading.tables((name,))]


# Apart from the other fields of a key, whose names they must not meet.
_BUDGET_OF_KEY = {name: row._replace(field=name) for name, row in BUDGET.items()}


def _key(options: Mapping[str, Any]) -> KeyOptions:
    given = {name: value for name, value in options.items() if name not in BUDGET}
    budget = {row.field: options[name] for name, row in BUDGET.items() if name in options}
    return KeyOptions(budget=BudgetOptions(**budget), **given)


def _aliases(reading: Reading) -> dict[str, str]:
    found: dict[str, str] = {}
    for alias, written in reading.table(("aliases",), reading.file.tables).items():
        try:
            found[model(alias)] = model(written)
        except ValueError:
            said = 'must lead from a model to a model, as "gpt-4o" = "gemini-2.5-pro"'
            reading.note(("aliases", alias), said)
    check_aliases(reading, found)
    return found


def _prices(reading: Reading) -> dict[str, Any]:
    prices = dict(reading.table(("prices",), reading.file.tables))
    for name, price in prices.items():
        try:
            price_table({name: price})
        except ConfigError as error:
            reading.note(("prices", name), str(error), of="")
    return prices
