"""A relay put together from its options, and taken apart again."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ..config.prices import bundled_prices
from ..config.relay.options import RelayOptions
from ..config.state_folder import state_folder
from ..errors import StoreUnavailable
from ..limits.memory_store import MemoryStore
from ..limits.stores import PROCESS, lanes_at
from ..net.http1_transport import HTTP1Transport
from ..net.transport import Transport
from ..policy.account.pool import AccountPool
from ..policy.key.budget import Spending
from ..stores.database import Database, open_database
from .accounts.account import accounts_of
from .accounts.own_limits import OwnLimits
from .accounts.store import AccountStore
from .app import Relay
from .files.pins import Pins
from .files.upload_session import UploadSessions
from .keys.book import KeyBook
from .keys.budgets import Budgets
from .keys.hasher import KeyHasher
from .keys.limits import KeyLimits
from .keys.store import KeyStore
from .ledger.ledger import Ledger
from .ledger.place import ledger_url
from .ledger.replica import replica_name
from .ledger.retention import sum_up
from .ledger.spent import spent
from .migrations import relay_migrations
from .parts import Parts
from .secrets.master_file import read_master
from .telemetry.telemetry import observed

__all__ = ("ledger_url", "opened_relay")

_SUM_UP_EVERY = 600.0
_NOTE_EVERY = 2.0
_log = logging.getLogger("gemstream.relay")


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
        parts = await _parts(options, environ, transport, stack)
        await _begin_duties(parts, stack)
        relay = Relay(parts)
        noting = asyncio.create_task(_note(relay), name="relay duty")
        stack.push_async_callback(_ended, noting)
        await stack.enter_async_context(observed(relay, state_folder(environ)))
        yield relay


async def _parts(
    options: RelayOptions,
    environ: Mapping[str, str],
    transport: Transport | None,
    stack: AsyncExitStack,
) -> Parts:
    accounts = accounts_of(options.accounts)
    master = await asyncio.to_thread(read_master, environ)
    book = KeyBook(options.keys, KeyHasher(master))
    folder = state_folder(environ)
    database = await open_database(ledger_url(options, environ), relay_migrations())
    stack.push_async_callback(database.aclose)
    ledger = Ledger(database, replica_name(), spill=folder / "relay-spill")
    stack.push_async_callback(ledger.aclose)
    await ledger.start()
    store = MemoryStore() if options.limits == PROCESS else lanes_at(options.limits).store
    if transport is None:
        transport = HTTP1Transport()
        stack.push_async_callback(transport.aclose)
    return Parts(
        options,
        transport=transport,
        pool=AccountPool(options.accounts),
        accounts=accounts,
        book=book,
        limits=KeyLimits(store, Budgets(lambda key_id: _spending(database, key_id))),
        own_limits=OwnLimits(store),
        ledger=ledger,
        database=database,
        key_store=KeyStore(database, master),
        account_store=AccountStore(database, master),
        pins=Pins(database),
        uploads=UploadSessions(master),
        prices=bundled_prices().overridden(options.prices),
    )


async def _begin_duties(parts: Parts, stack: AsyncExitStack) -> None:
    """Read keys and accounts, and look after them, budgets and old rows until the stack closes."""
    await parts.key_store.check()
    await parts.refresh()
    duties: tuple[Coroutine[Any, Any, None], ...] = (
        parts.key_watch.follow(),
        parts.account_watch.follow(),
        parts.limits.budgets.follow(),
        _sum_up(parts),
    )
    for duty in duties:
        task = asyncio.create_task(duty, name="relay duty")
        stack.push_async_callback(_ended, task)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _sum_up(parts: Parts) -> None:
    """Sum up finished days, and forget rows that are old enough."""
    while True:
        now = time.time_ns() // 1000
        try:
            await sum_up(parts.database, now, parts.options.ledger.retention)
        except StoreUnavailable as error:
            _log.warning("old rows of the ledger are summed up later: %s", error)
        await asyncio.sleep(_SUM_UP_EVERY)


async def _note(relay: Relay) -> None:
    """Keep the books' lower bounds of what runs close to the truth."""
    while True:
        await asyncio.sleep(_NOTE_EVERY)
        relay.note_progress()


async def _spending(database: Database, key_id: str) -> Spending:
    found = await spent(database, key_id, time.time_ns() // 1000)
    return Spending(day=found.day, month=found.month, total=found.total)
