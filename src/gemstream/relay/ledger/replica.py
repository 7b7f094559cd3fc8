"""The processes that write to one ledger, and how the others see that one has died.

A process says that it lives every 10 s, by the database's clock; 30 s without that and it counts as
dead. Nobody's word is needed to be alive again: the next beat is enough.
"""

from __future__ import annotations

import os
import platform
import secrets

from ...stores.database import Database
from ...stores.statement import Statement

__all__ = ("BEAT_EVERY", "LEASE", "Replica", "replica_name")

BEAT_EVERY = 10.0
LEASE = 30.0

_BEAT = (
    "INSERT INTO replicas (replica, started, heartbeat) VALUES (?, <now>, <now>) "
    "ON CONFLICT (replica) DO UPDATE SET heartbeat = excluded.heartbeat"
)
_LIVING = "SELECT replica FROM replicas WHERE heartbeat > <now> - CAST(? AS BIGINT)"


class Replica:
    """This process among the others; ``name`` is its own for as long as it runs."""

    __slots__ = ("_database", "name")

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self.name = name

    async def beat(self) -> None:
        """Say that this process lives; raises StoreUnavailable."""
        await self._database.run(Statement(_BEAT, (self.name,)))

    async def leave(self) -> None:
        """Say that this process ends: what it left open may be closed at once."""
        await self._database.run(Statement("DELETE FROM replicas WHERE replica = ?", (self.name,)))

    async def living(self) -> set[str]:
        """Return the names of those that live, this one too once it has said so."""
        rows = await self._database.fetch(_LIVING, int(LEASE * 1_000_000))
        return {name for (name,) in rows}


def replica_name() -> str:
    """Return a name that no other process has, nor this one when it is started again."""
    return f"{platform.node() or 'unnamed'}-{os.getpid()}-{secrets.token_hex(4)}"
