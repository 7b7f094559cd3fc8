"""What all requests of one relay share; a reload puts others in the place of some."""

from __future__ import annotations

from collections.abc import Mapping

from ..config.prices import PriceTable, bundled_prices
from ..config.relay.options import RelayOptions
from ..net.transport import Transport
from ..policy.account.pool import AccountPool
from ..stores.database import Database
from .accounts.account import Account, accounts_of
from .accounts.own_limits import OwnLimits
from .keys.book import KeyBook
from .keys.failed_auth import FailedAuth
from .keys.limits import KeyLimits
from .keys.store import KeyStore
from .ledger.ledger import Ledger
from .observer import Observer, Silent
from .signatures import Signatures
from .telemetry.health import Health

__all__ = ("Parts",)


class Parts:
    """The transport to the accounts, their pool, the keys, their limits, the books, the prices.

    What a request reads of these it reads once, so that one under way is not touched by a reload.
    """

    __slots__ = (
        "accounts",
        "book",
        "database",
        "failed_auth",
        "health",
        "key_store",
        "ledger",
        "limits",
        "observer",
        "options",
        "own_limits",
        "pool",
        "prices",
        "signatures",
        "transport",
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
        prices: PriceTable,
    ) -> None:
        self.options = options
        self.transport = transport
        self.pool = pool
        self.accounts = accounts
        self.book = book
        self.limits = limits
        self.own_limits = own_limits
        self.ledger = ledger
        self.database = database
        self.key_store = key_store
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
        accounts = accounts_of(options.accounts)
        prices = bundled_prices().overridden(options.prices)
        self.book.configure(options.keys)
        self.pool.update(options.accounts)
        self.accounts, self.prices, self.options = accounts, prices, options
