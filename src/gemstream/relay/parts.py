"""What all requests of one relay share; a reload puts others in the place of some."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

from ..config.prices import PriceTable, bundled_prices
from ..config.relay.options import AccountOptions, RelayOptions
from ..errors import ConfigError
from ..net.transport import Transport
from ..policy.account.pool import AccountPool
from ..stores.database import Database
from .accounts.account import Account, accounts_of
from .accounts.own_limits import OwnLimits
from .accounts.store import AccountStore
from .accounts.watch import AccountWatch
from .files.pins import Pins
from .files.upload_session import UploadSessions
from .keys.book import KeyBook
from .keys.failed_auth import FailedAuth
from .keys.limits import KeyLimits
from .keys.store import KeyStore
from .keys.watch import KeyWatch
from .ledger.ledger import Ledger
from .observer import Observer, Silent
from .signatures import Signatures
from .telemetry.health import Health

__all__ = ("Parts",)

_log = logging.getLogger("gemstream.relay")


class Parts:
    """The transport to the accounts, their pool, the keys, their limits, the books, the prices.

    What a request reads of these it reads once, so that one under way is not touched by a reload.
    """

    __slots__ = (
        "_stored",
        "account_store",
        "account_watch",
        "accounts",
        "book",
        "configured",
        "database",
        "failed_auth",
        "health",
        "key_store",
        "key_watch",
        "ledger",
        "limits",
        "observer",
        "options",
        "own_limits",
        "pins",
        "pool",
        "prices",
        "signatures",
        "transport",
        "uploads",
    )

    def __init__(
        self,
        options: RelayOptions,
        *,
        transport: Transport,
        pool: AccountPool,
        accounts: Mapping[str, Account],
        book: KeyBook,
        limits: KeyLimits,
        own_limits: OwnLimits,
        ledger: Ledger,
        database: Database,
        key_store: KeyStore,
        account_store: AccountStore,
        pins: Pins,
        uploads: UploadSessions,
        prices: PriceTable,
    ) -> None:
        self.options = options
        self.configured = options  # without the accounts of the database
        self.transport = transport
        self.pool = pool
        self.accounts = accounts
        self.book = book
        self.limits = limits
        self.own_limits = own_limits
        self.ledger = ledger
        self.database = database
        self.key_store = key_store
        self.key_watch = KeyWatch(book, key_store, limits.forget)
        self.account_store = account_store
        self.account_watch = AccountWatch(account_store, self.take_accounts, pool.reset)
        self._stored: tuple[AccountOptions, ...] = ()
        self.pins = pins
        self.uploads = uploads
        self.failed_auth = FailedAuth()
        self.signatures = Signatures()
        self.prices = prices
        self.health = Health(database)
        self.observer: Observer = Silent()

    def reconfigure(self, options: RelayOptions) -> None:
        """Go by other accounts, keys, prices, aliases and timeouts from the next request on.

        Raises ConfigError and changes nothing when they cannot be used. Where the books are, where
        limits are counted and what is listened on stay as they are.
        """
        both = _together(options, self._stored)
        accounts = accounts_of(both.accounts)
        prices = bundled_prices().overridden(options.prices)
        self.book.configure(options.keys)
        self.pool.update(both.accounts)
        self.accounts, self.prices, self.options = accounts, prices, both
        self.configured = options

    def take_accounts(self, stored: Sequence[AccountOptions]) -> None:
        """Go by these accounts of the database from the next request on, beside the file's.

        One that cannot be used is left out and logged: it must not take the others away. Of two
        with one name the file's is used, and that is logged too.
        """
        self._stored = tuple(one for one in stored if _is_usable(one))
        both = _together(self.configured, self._stored)
        self.accounts = accounts_of(both.accounts)
        self.pool.update(both.accounts)
        self.options = both

    async def refresh(self) -> None:
        """Read what the database has of keys and accounts; raises StoreUnavailable."""
        await self.key_watch.read()
        await self.account_watch.read()


def _together(options: RelayOptions, stored: Sequence[AccountOptions]) -> RelayOptions:
    names = {one.name for one in options.accounts}
    more = tuple(one for one in stored if one.name not in names)
    for one in stored:
        if one.name in names:
            _log.error("the stored account %r is not used: the file has one too", one.name)
    return msgspec.structs.replace(options, accounts=(*options.accounts, *more))


def _is_usable(options: AccountOptions) -> bool:
    try:
        Account(options)
    except ConfigError as error:
        _log.error("the stored account %r is not used: %s", options.name, error)
        return False
    return True
