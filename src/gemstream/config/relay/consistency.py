"""What values that are right by themselves must not be together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ..toml_file import Key
from .options import RelayOptions
from .reading import Reading, nearest

__all__ = ("Entry", "check_accounts", "check_aliases", "check_keys", "conflicts")

# A table of an array: its key in the file, and the options that were right in it.
Entry = tuple[Key, Mapping[str, Any]]


def check_accounts(reading: Reading, accounts: Collection[Entry], kinds: Collection[str]) -> None:
    """Note accounts without a name or a key, of one name, of a kind that there is not."""
    _check_names(reading, accounts)
    for key, account in accounts:
        kind = account.get("kind")
        if kind is not None and kind not in kinds:
            reading.note((*key, "kind"), f"is {kind!r}; {nearest(kind, kinds)}")
        if not _is_given(reading, key, "api_key"):
            reading.note(key, 'has no api_key; write api_key = "env:GEMINI_API_KEY", or the key')


def check_keys(reading: Reading, keys: Collection[Entry], accounts: Collection[Entry]) -> None:
    """Note keys without a name or a secret, of one name or secret, for accounts there are not."""
    _check_names(reading, keys)
    _check_unique(reading, keys, "key", lambda first: f"is the key of {first} again; mint another")
    names = {account["name"] for _, account in accounts if "name" in account}
    groups = {group for _, account in accounts for group in account.get("groups", ())}
    for key, options in keys:
        if not _is_given(reading, key, "key"):
            reading.note(key, "has no key; gemstream relay keys create makes one")
        for field, known in (("accounts", names), ("groups", groups)):
            for name in options.get(field, ()):
                if name not in known:
                    there = nearest(name, known)
                    reading.note((*key, field), f"names {name}, which no account has; {there}")


def check_aliases(reading: Reading, aliases: Mapping[str, str]) -> None:
    """Note aliases of aliases, for a name is looked up once."""
    for alias, model in aliases.items():
        if model in aliases:
            reading.note(("aliases", alias), f"leads to {model}, which is an alias itself")


def conflicts(options: RelayOptions) -> list[str]:
    """Return what cannot hold at the same time, wherever each value came from."""
    found: list[str] = []
    server, admin = options.server, options.admin
    if (
        admin.token is not None
        and server.port
        and (server.host, server.port)
        == (
            admin.host,
            admin.port,
        )
    ):
        found.append(f"admin.port is {admin.port}, and so is server.port; give it one of its own")
    if admin.token is not None and any(admin.token == key.key for key in options.keys):
        found.append("admin.token is the key of a caller too; operators need one of their own")
    if server.workers > 1 and options.limits == "process":
        found.append(
            f'server.workers is {server.workers}, and by limits.store = "process" each of them '
            'would count alone; set limits.store = "machine", or the URL of a Redis'
        )
    return found


def _check_names(reading: Reading, entries: Collection[Entry]) -> None:
    for key, _ in entries:
        if not _is_given(reading, key, "name"):
            reading.note(key, "has no name; it is shown in logs and reports instead of the secret")
    _check_unique(
        reading, entries, "name", lambda first: f"is that of {first} again; choose another"
    )


def _check_unique(
    reading: Reading, entries: Iterable[Entry], field: str, said: Callable[[str], str]
) -> None:
    first: dict[str, Key] = {}
    for key, options in entries:
        value = options.get(field)
        if value is None:
            continue
        if value in first:
            there = (*first[value], field)
            reading.note((*key, field), said(f"line {_line(reading, there)}"))
        first.setdefault(value, key)


def _line(reading: Reading, key: Key) -> str:
    return reading.file.place(key).rpartition(":")[2]


def _is_given(reading: Reading, key: Key, name: str) -> bool:
    """Whether the file has it, right or wrong: a wrong one is told of already."""
    return name in reading.file.tables[key[0]][int(key[1])]
