"""What all requests of one relay share; a reload puts others in the place of some."""

from __future__ import annotations

from collections.abc import Mapping

from ..config.prices import PriceTable
from ..config.relay.options import RelayOptions
from ..net.transport import Transport
from ..policy.account.pool import AccountPool
from .accounts.account import Account
from .accounts.own_limits import OwnLimits
from .keys.book import KeyBook
from .keys.limits import KeyLimits
from .ledger.ledger import Ledger

__all__ = ("Parts",)


class Parts:
    """The transport to the accounts, their pool, the keys, their limits, the books, the prices.

    What a request reads of these it reads once, so that one under way is not touched by a reload.
    """

    __slots__ = (
        "accounts",
        "book",
        "ledger",
        "limits",
        "options",
        "own_limits",
        "pool",
        "prices",
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
        self.prices = prices
