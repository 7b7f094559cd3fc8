"""The models that may be named in logs and labels; any other is ``other``.

The name of a model comes from the caller, who can write anything there: a million names, or a
secret. Named are those with a price, the aliases and what is behind them, and those that an account
names in full.
"""

from __future__ import annotations

from ...config.prices import PriceTable
from ...config.relay.options import RelayOptions

__all__ = ("OTHER", "KnownModels")

OTHER = "other"
_MOST = 200
_WILD = "*?["


class KnownModels:
    """The allow-list that ``options`` and ``prices`` make, at most 200 names."""

    __slots__ = ("_names", "_options", "_prices")

    def __init__(self, options: RelayOptions, prices: PriceTable) -> None:
        self._options = options
        self._prices = prices
        self._names = frozenset(list(_names(options, prices))[:_MOST])

    def __len__(self) -> int:
        return len(self._names)

    def holds(self, options: RelayOptions, prices: PriceTable) -> bool:
        """Return True when it was made of these."""
        return self._options is options and self._prices is prices

    def label(self, model: str) -> str:
        """Return how ``model`` is called; ``""`` when a request names none."""
        return model if not model or model in self._names else OTHER


def _names(options: RelayOptions, prices: PriceTable) -> dict[str, None]:
    """The operator's own names first, for they are kept when there are too many."""
    names: dict[str, None] = {}
    for account in options.accounts:
        names |= {one: None for one in account.models if not any(sign in one for sign in _WILD)}
    for alias, model in options.aliases.items():
        names |= {alias: None, model: None}
    return names | dict.fromkeys(prices.rows)
