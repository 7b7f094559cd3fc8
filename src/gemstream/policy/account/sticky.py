"""Which account served a session last, so that it finds its cache there again."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ("StickySessions",)

_LIFETIME = 3600.0
_MOST = 20_000  # of some 300 bytes each: 6 MB


class StickySessions:
    """Sessions and their accounts for an hour after the last request, the newest 20,000."""

    __slots__ = ("_accounts",)

    def __init__(self) -> None:
        self._accounts: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._accounts)

    def account(self, session: str, model: str, now: float) -> str | None:
        """Return the account that served the session; None when that is not known."""
        account, ends = self._accounts.get((session, model), (None, 0.0))
        return account if now < ends else None

    def bind(self, session: str, model: str, account: str, now: float) -> None:
        """Remember it; ``""`` is no session."""
        if not session:
            return
        self._accounts[session, model] = account, now + _LIFETIME
        self._accounts.move_to_end((session, model))
        while self._accounts and (len(self._accounts) > _MOST or self._oldest_end() <= now):
            self._accounts.popitem(last=False)

    def _oldest_end(self) -> float:
        return next(iter(self._accounts.values()))[1]
