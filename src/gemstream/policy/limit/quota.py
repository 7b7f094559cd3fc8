"""The limits of one account on one model, as claims of a request."""

from __future__ import annotations

from ...config.limits import Limits
from .claim import Claim, Kind, Limit, Unit

__all__ = (
    "GATE",
    "MESSAGES",
    "QUOTAS",
    "WAITING",
    "ScopeClaims",
    "gate_of",
    "messages_of",
    "row_of",
)

GATE = "hold"
MESSAGES = "messages"
WAITING = "waiting"
_ANY_NUMBER = 2**31 - 1
# The name of each number in ``Limits``, how it counts and what.
QUOTAS: dict[str, tuple[Kind, Unit]] = {
    "rpm": (Kind.WINDOW, Unit.REQUESTS),
    "rpd": (Kind.DAILY, Unit.REQUESTS),
    "concurrency": (Kind.SLOTS, Unit.RUNNING),
    "tpm": (Kind.WINDOW, Unit.TOKENS),
}


class ScopeClaims:
    """The claims on the limits of one scope, an account and a model; all but tokens made once.

    The gate comes first: while it is closed nothing else is worth a look.
    """

    __slots__ = ("_fixed", "_tpm", "limits")

    def __init__(self, scope: str, limits: Limits) -> None:
        self.limits = limits
        claims = [_claim(scope, quota, limits) for quota in QUOTAS]
        self._fixed = (gate_of(scope), *(c for c in claims if c and c.unit is not Unit.TOKENS))
        self._tpm = claims[-1]

    def of(self, tokens: int) -> tuple[Claim, ...]:
        """Return what a request of so many tokens claims."""
        tpm = self._tpm
        if tpm is None:
            return self._fixed
        return (*self._fixed, Claim(tpm.key, tpm.quota, tpm.limit, Unit.TOKENS, tokens))


def gate_of(scope: str) -> Claim:
    """Return the claim to pass the gate of ``scope``."""
    return Claim(f"{scope}|{GATE}", GATE, Limit(Kind.GATE))


def row_of(scope: str) -> Claim:
    """Return the claim of a place among those who wait at ``scope``: it is always to be had.

    It is there to be counted: shared books then tell how many wait in other processes too.
    """
    return Claim(f"{scope}|{WAITING}", WAITING, Limit(Kind.SLOTS, _ANY_NUMBER), Unit.RUNNING)


def messages_of(scope: str, amount: int) -> Claim:
    """Return the claim of one message among ``amount`` in any minute; raises ConfigError."""
    return Claim(f"{scope}|{MESSAGES}", MESSAGES, Limit(Kind.WINDOW, amount))


def _claim(scope: str, quota: str, limits: Limits) -> Claim | None:
    amount: int | None = getattr(limits, quota)
    if amount is None:
        return None
    kind, unit = QUOTAS[quota]
    return Claim(f"{scope}|{quota}", quota, Limit(kind, amount), unit)
