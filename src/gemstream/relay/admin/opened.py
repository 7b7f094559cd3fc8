"""The operators' desk: of a relay that runs, or of its database alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...config.relay.options import RelayOptions
from ...net.aiohttp_transport import AiohttpTransport
from ...stores.database import open_database
from ..accounts.store import AccountStore
from ..keys.store import KeyStore
from ..ledger.place import ledger_url
from ..migrations import relay_migrations
from ..secrets.master_file import read_master
from ..server.service import Reload
from .desk import Desk

if TYPE_CHECKING:
    from ..app import Relay

__all__ = ("desk_of", "opened_desk")


def desk_of(relay: Relay, reload: Reload | None) -> Desk:
    """Return the desk of a relay that runs; its token is that of the options as they hold now."""
    parts = relay.parts
    desk = Desk(
        database=parts.database,
        keys=parts.key_store,
        accounts=parts.account_store,
        options=lambda: parts.configured,
        token=lambda: parts.configured.admin.token,
        transport=parts.transport,
        relay=relay,
        reload=reload,
    )
    if relay.telemetry is not None:
        desk.metrics = relay.telemetry.exposition
    return desk


@asynccontextmanager
async def opened_desk(
    options: RelayOptions, token: str, *, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Desk]:
    """Open the database of ``options`` and give its desk, which no relay stands behind.

    ``token``: what opens it. A relay that runs on the same database goes by what is changed here
    within seconds. Raises ConfigError and StoreUnavailable as ``opened_relay``.
    """
    master = await asyncio.to_thread(read_master, environ)
    database = await open_database(ledger_url(options, environ), relay_migrations())
    transport = AiohttpTransport()
    try:
        yield Desk(
            database=database,
            keys=KeyStore(database, master),
            accounts=AccountStore(database, master),
            options=lambda: options,
            token=lambda: token,
            transport=transport,
        )
    finally:
        await transport.aclose()
        await database.aclose()
