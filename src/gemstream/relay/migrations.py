"""Every component with tables in the relay's database, each with numbered steps of its own."""

from __future__ import annotations

from importlib import resources

from ..stores.migrations import Migrations, read_migrations

__all__ = ("relay_migrations",)

_COMPONENTS = {
    "ledger": "gemstream.relay.ledger.migrations",
    "keys": "gemstream.relay.keys.migrations",
    "files": "gemstream.relay.files.migrations",
    "accounts": "gemstream.relay.accounts.migrations",
}


def relay_migrations() -> tuple[Migrations, ...]:
    """Return what ``open_database`` needs to make or mend the relay's tables."""
    return tuple(
        read_migrations(component, resources.files(package))
        for component, package in _COMPONENTS.items()
    )
