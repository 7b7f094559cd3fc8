"""How any stop between the caller and the upstream says no."""

from __future__ import annotations

from ..policy.account.wish import NoneLeft, Shortage
from ..wire.dialect.refusal import Fault, Refusal

__all__ = ("Refused", "shortage_refusal")

_NO_ACCOUNT = "no account is left that could answer at the moment; try again later"
_SHORTAGES = {
    Shortage.NO_ACCOUNT: Refusal(Fault.NOT_FOUND, "no account here serves this model to this key"),
    Shortage.NO_MODEL: Refusal(Fault.NOT_FOUND, "no account here has this model"),
    Shortage.OVERLOADED: Refusal(Fault.OVERLOADED, "the model is overloaded; try again later"),
}


_PASSING = (Shortage.COOLING, Shortage.FULL)


class Refused(Exception):
    """The request ends here; ``refusal`` is what its caller is told."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def shortage_refusal(none: NoneLeft, now: float) -> Refusal:
    """Return what is said when no account can be asked; ``now`` is of the pool's clock."""
    known = _SHORTAGES.get(none.reason)
    if known is not None:
        return known
    delay = None if none.until is None else max(0.0, none.until - now)
    fault = Fault.RATE if none.reason in _PASSING else Fault.NO_ACCOUNT
    return Refusal(fault, _NO_ACCOUNT, retry_delay=delay)
