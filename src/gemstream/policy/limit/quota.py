"""The limits of one account on one model, as claims of a request."""

from __future__ import annotations

from ...config.limits import Limits
from .claim import Claim, Kind, Limit, Unit

__all__ = ("GATE", "QUOTAS", "claims_of", "gate_of")

GATE = "hold"
# The name of each number in ``Limits``, how it counts and what.
QUOTAS: dict[str, tuple[Kind, Unit]] = {
    "rpm": (Kind.WINDOW, Unit.REQUESTS),
    "tpm": (Kind.WINDOW, Unit.TOKENS),
    "rpd": (Kind.DAILY, Unit.REQUESTS),
    "concurrency": (Kind.SLOTS, Unit.RUNNING),
}


def claims_of(scope: str, limits: Limits, tokens: int) -> tuple[Claim, ...]:
    """Return what a request of so many tokens claims; ``scope`` names account and model.

    The gate comes first: while it is closed nothing else is worth a look.
    """
    claims = [gate_of(scope)]
    for quota, (kind, unit) in QUOTAS.items():
        amount: int | None = getattr(limits, quota)
        if amount is not None:
            cost = tokens if unit is Unit.TOKENS else 1
            claims.append(Claim(f"{scope}|{quota}", quota, Limit(kind, amount), unit, cost))
    return tuple(claims)


def gate_of(scope: str) -> Claim:
    """Return the claim to pass the gate of ``scope``."""
    return Claim(f"{scope}|{GATE}", GATE, Limit(Kind.GATE))
