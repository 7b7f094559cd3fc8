"""A relay put together from its options, and taken apart again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from ..config.prices import bundled_prices
from ..config.relay.options import RelayOptions
from ..config.state_folder import state_folder
from ..limits.stores import lanes_at
from ..net.aiohttp_transport import AiohttpTransport
from ..net.transport import Transport
from ..policy.account.pool import AccountPool
from ..stores.database import open_database
from .accounts.account import accounts_of
from .accounts.own_limits import OwnLimits
from .app import Relay
from .keys.book import KeyBook
from .keys.budgets import Budgets
from .keys.hasher import KeyHasher
from .keys.limits import KeyLimits
from .ledger.ledger import Ledger
from .ledger.replica import replica_name
from .migrations import relay_migrations
from .parts import Parts
from .secrets.master_file import read_master

__all__ = ("opened_relay",)


@asynccontextmanager
async def opened_relay(
    options: RelayOptions,
    *,
    environ: Mapping[str, str] = os.environ,
    transport: Transport | None = None,
) -> AsyncIterator[Relay]:
    """Open the books, the keys and the way to the accounts, and give the application.

    At its end what is unwritten is written. Raises ConfigError for options that cannot be used,
    StoreUnavailable for books or limits that cannot be reached.
    """
    async with AsyncExitStack() as stack:
        accounts = accounts_of(options.accounts)
        master = await asyncio.to_thread(read_master, environ)
        book = KeyBook(options.keys, KeyHasher(master))
        folder = state_folder(environ)
        database = await open_database(_ledger_url(options, folder), relay_migrations())
        stack.push_async_callback(database.aclose)
        ledger = Ledger(database, replica_name(), spill=folder / "relay-spill")
        stack.push_async_callback(ledger.aclose)
        await ledger.start()
        store = lanes_at(options.limits).store
        own = transport is None
        transport = transport or AiohttpTransport()
        if own:
            stack.push_async_callback(transport.aclose)
        parts = Parts(
            options,
            transport=transport,
            pool=AccountPool(options.accounts),
            accounts=accounts,
            book=book,
            limits=KeyLimits(store, Budgets()),
            own_limits=OwnLimits(store),
            ledger=ledger,
            prices=bundled_prices().overridden(options.prices),
        )
        yield Relay(parts)


def _ledger_url(options: RelayOptions, folder: Path) -> str:
    return options.ledger.url or f"sqlite:///{folder / 'relay.sqlite3'}"
