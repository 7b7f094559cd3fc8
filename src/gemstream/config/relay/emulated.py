"""The options of a relay without a file, in front of an emulator."""

from __future__ import annotations

from .options import AccountOptions, KeyOptions, LedgerOptions, RelayOptions

__all__ = ("emulated_options",)


def emulated_options(base_url: str, key: str, ledger: str) -> RelayOptions:
    """Return a relay with one account, at the emulator at ``base_url``, and one ``key``.

    ``ledger``: the URL of books that nobody is billed by.
    """
    return RelayOptions(
        accounts=(AccountOptions(name="emulator", api_key="any", base_url=base_url),),
        keys=(KeyOptions(name="emulated", key=key),),
        ledger=LedgerOptions(url=ledger),
    )
