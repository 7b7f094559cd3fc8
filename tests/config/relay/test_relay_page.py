"""The page of the relay's options names each of them, with the default that it has."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.options import (
    AccountOptions,
    AdminOptions,
    KeyOptions,
    LedgerOptions,
    RelayOptions,
    ServerOptions,
)
from gemstream.config.relay.rows import (
    ACCOUNT,
    ADMIN,
    BUDGET,
    KEY,
    LEDGER,
    LIMITS,
    SERVER,
    TIMEOUTS,
    Rows,
)
from gemstream.config.timeouts import Timeouts
from support.sources import REPOSITORY

PAGE = (REPOSITORY / "docs/reference/relay.md").read_text(encoding="utf-8")
SECTIONS: Mapping[str, tuple[Rows, msgspec.Struct]] = {
    "`[server]`": (SERVER, ServerOptions()),
    "`[server.timeouts]`": (TIMEOUTS, Timeouts()),
    "`[[accounts]]`": (ACCOUNT, AccountOptions(name="")),
    "`[[keys]]`": ({**KEY, **BUDGET}, KeyOptions(name="")),
}
OTHERS: Mapping[str, tuple[Rows, msgspec.Struct]] = {
    "ledger": (LEDGER, LedgerOptions()),
    "limits": (LIMITS, RelayOptions()),
    "admin": (ADMIN, AdminOptions()),
}


def _rows(heading: str) -> Iterator[tuple[str, str]]:
    """Yield key and default of the table below ``heading``."""
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n##")[0]
    for keys, default in re.findall(r"^\| (`[^|]+`) \| ([^|]*)\|", section, re.MULTILINE):
        for key in re.findall(r"`([^`]+)`", keys):
            yield key, default.strip()


def _is_said(default: str, value: Any) -> bool:
    """Whether the page says ``value``: as TOML writes it, or in words for none."""
    if not default.startswith("`"):
        return value in (None, "")
    said = tomllib.loads(f"x = {default.strip('`')}")["x"]
    found = list(value) if isinstance(value, tuple) else value
    return bool(said == getattr(found, "value", found))


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_option_has_its_row(heading: str) -> None:
    rows, _ = SECTIONS[heading]
    assert {key for key, _ in _rows(heading)} == set(rows)


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_row_has_the_default(heading: str) -> None:
    rows, options = SECTIONS[heading]
    for key, default in _rows(heading):
        if key not in BUDGET:
            assert _is_said(default, getattr(options, rows[key].field)), key


def test_the_other_tables() -> None:
    told = {key: default for key, default in _rows("The other tables") if " " in key}
    expected = {
        f"[{section}] {key}": getattr(options, row.field)
        for section, (rows, options) in OTHERS.items()
        for key, row in rows.items()
    }
    assert set(told) == set(expected)
    for key, default in told.items():
        assert _is_said(default, expected[key]), key
