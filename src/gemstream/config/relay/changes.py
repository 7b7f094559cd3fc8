"""What a new configuration changes while the relay runs, and what waits for a restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from .options import AccountOptions, KeyOptions, RelayOptions

__all__ = ("RESTART", "Changes", "changes")

RESTART = (
    ("server", "host"),
    ("server", "port"),
    ("server", "workers"),
    ("server", "log"),
    ("server", "tracing"),
    ("admin", "host"),
    ("admin", "port"),
    ("ledger", "url"),
    ("limits",),
)
"""The options that hold until a restart: what listens, and which books are open."""

# Where a file names an option otherwise.
_IN_FILE: dict[tuple[str, ...], str] = {("limits",): "limits.store"}


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """``applied``: the options that hold from now on; the rest is told, without any secret.

    ``live``: what they change. ``restart``: what the file asks for and only a restart can bring.
    """

    applied: RelayOptions
    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.live or self.restart)


def changes(old: RelayOptions, new: RelayOptions) -> Changes:
    """Return what becomes of a relay that runs with ``old`` when its file says ``new``."""
    waiting = [path for path in RESTART if _at(old, path) != _at(new, path)]
    if (old.admin.token is None) != (new.admin.token is None):
        waiting.append(("admin", "token"))  # the listener itself comes or goes
    applied = new
    for path in waiting:
        applied = _with(applied, path, _at(old, path))
    return Changes(
        applied=applied,
        live=tuple(_told(old, applied)),
        restart=tuple(_IN_FILE.get(path, ".".join(path)) for path in waiting),
    )


def _told(old: RelayOptions, new: RelayOptions) -> Iterator[str]:
    for section in ("server", "admin", "ledger"):
        before, after = getattr(old, section), getattr(new, section)
        for name in before.__struct_fields__:
            if getattr(before, name) != getattr(after, name):
                yield f"{section}.{name}"
    yield from _told_entries("accounts", old.accounts, new.accounts)
    yield from _told_entries("keys", old.keys, new.keys)
    for name in ("aliases", "prices"):
        if getattr(old, name) != getattr(new, name):
            yield name


def _told_entries(
    what: str,
    old: tuple[AccountOptions | KeyOptions, ...],
    new: tuple[AccountOptions | KeyOptions, ...],
) -> Iterator[str]:
    before, after = {entry.name: entry for entry in old}, {entry.name: entry for entry in new}
    for name in after:
        if name not in before:
            yield f"{what} {name} is new"
        elif after[name] != before[name]:
            yield f"{what} {name} is changed"
    for name in before:
        if name not in after:
            yield f"{what} {name} is gone"


def _at(options: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        options = getattr(options, name)
    return options


def _with(options: Any, path: tuple[str, ...], value: Any) -> Any:
    name, *rest = path
    inner = _with(getattr(options, name), tuple(rest), value) if rest else value
    return msgspec.structs.replace(options, **{name: inner})
