"""The limits that an account's options name: reserved before it is asked, never waited for."""

from __future__ import annotations

from ...config.limits import Limits
from ...limits.kept import Kept
from ...limits.reservation import Reservation
from ...limits.store import LimitStore
from ...policy.limit.claim import Claim, Refused, Spent, Wait
from ...policy.limit.quota import ScopeClaims
from .account import Account

__all__ = ("Full", "OwnLimits", "limits_of")

_SCOPE = "relay-account"


class Full:
    """The account runs or has used as much as it may.

    ``quota`` is which limit, as ``rpm``. ``retry_delay``: seconds until the request would fit,
    None when that is up to what still runs, or when it never will.
    """

    __slots__ = ("quota", "retry_delay")

    def __init__(self, quota: str, retry_delay: float | None) -> None:
        self.quota = quota
        self.retry_delay = retry_delay

    def fits_at(self, now: float) -> float | None:
        """Return the moment at which the request would fit, by the clock that ``now`` is of."""
        return None if self.retry_delay is None else now + self.retry_delay

    def __repr__(self) -> str:
        return f"Full({self.quota!r}, {self.retry_delay!r})"


class OwnLimits:
    """Counts the requests of all accounts, with each model, in the books of ``store``."""

    __slots__ = ("_claims", "_store")

    def __init__(self, store: LimitStore) -> None:
        self._store = store
        # Callers name the models: what is written of one that nobody asks any more is forgotten.
        self._claims = Kept(_Scope, lambda scope: store.sweep(scope.claims(1)))

    async def reserve(self, account: Account, model: str, tokens: int) -> Reservation | Full | None:
        """Take a place, or say what is full; None for an account that names no limits.

        The reservation must be settled; as one that was not sent, with ``Spent()``. Cancelled,
        nothing is taken. Raises StoreUnavailable for books that are out of reach.
        """
        limits = limits_of(account)
        if limits is None:
            return None
        scope = self._claims.of(f"{_SCOPE}|{account.hash}|{model}")
        claims = scope.under(limits).of(max(1, tokens))
        name = self._store.new_name()
        verdict: Wait | Refused | None = None
        try:
            verdict = await self._store.reserve(name, claims)
        except BaseException:
            self._store.settle(name, claims, Spent())
            raise
        if verdict is None:
            return Reservation(self._store, name, claims, _nobody_waits)
        return self._full(verdict)

    def _full(self, verdict: Wait | Refused) -> Full:
        until = verdict.until if isinstance(verdict, Wait) else None
        if until is None:
            return Full(verdict.claim.quota, None)
        left = max(0, until - self._store.moment().now)
        return Full(verdict.claim.quota, self._store.seconds(left))


class _Scope:
    """The claims of one account on one model; made anew when its limits change."""

    __slots__ = ("__weakref__", "_claims", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._claims = ScopeClaims(name, Limits())

    def under(self, limits: Limits) -> ScopeClaims:
        if self._claims.limits != limits:
            self._claims = ScopeClaims(self._name, limits)
        return self._claims

    def claims(self, tokens: int) -> tuple[Claim, ...]:
        return self._claims.of(tokens)


def limits_of(account: Account) -> Limits | None:
    """Return the limits that an account's options name, None for no limit at all."""
    options = account.options
    limits = Limits(
        rpm=options.rpm, tpm=options.tpm, rpd=options.rpd, concurrency=options.concurrency
    )
    return None if limits == Limits() else limits


def _nobody_waits() -> None:
    """Nobody is woken: who finds an account full asks another."""
