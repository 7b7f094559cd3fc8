"""A key as the database has it, for operators to see: everything but its secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import msgspec

from ...config.relay.options import KeyOptions
from ...errors import InvalidRequest

__all__ = ("MintedKey", "StoredKey", "changed_fields", "no_such_key")


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Times in µs since 1970.

    ``options`` has no text in ``key``. ``revision`` changes with every change. ``last4``: the end
    of the newest secret. ``old_until``: when the last of its older secrets stops; None for none.
    """

    id: str
    options: KeyOptions
    revision: str
    last4: str
    created: int
    changed: int
    revoked: int | None = None
    old_until: int | None = None

    @property
    def name(self) -> str:
        """The name that operators gave it."""
        return self.options.name


class MintedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just minted: ``text`` is shown once and is nowhere afterwards."""

    id: str
    name: str
    text: str

    def __repr__(self) -> str:
        return f"MintedKey(id={self.id!r}, name={self.name!r})"


def changed_fields(old: KeyOptions, new: KeyOptions) -> tuple[str, ...]:
    """Return the names of the options that differ."""
    return tuple(
        name for name in KeyOptions.__struct_fields__ if getattr(old, name) != getattr(new, name)
    )


def no_such_key(key_id: str, known: Iterable[str]) -> InvalidRequest:
    """Return the error for an id that no key has."""
    near = difflib.get_close_matches(key_id, list(known), n=1)
    hint = f"; {near[0]} is meant, perhaps" if near else "; `gemstream relay keys list` shows all"
    return InvalidRequest(f"there is no key {key_id!r:.80} in the database{hint}")
