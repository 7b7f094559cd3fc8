"""Money as whole micro-dollars, millionths of a US dollar: sums are exact, never floats."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

__all__ = ("MICROS", "decimal_of", "in_dollars")

MICROS = 1_000_000
# Above any price or budget; an exponent such as 1e999999 must not become a number of that length.
_MOST = Decimal(10) ** 12


def decimal_of(amount: object) -> Decimal | None:
    """Return ``amount`` as it is written, or None when it is no number that can be money.

    An int, a Decimal, a text as ``"0.01"``; a float counts as the number it prints as, so 0.1 is
    a tenth. Not money: a bool, NaN, an infinity, a trillion or more.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | Decimal | str):
        return None
    if isinstance(amount, int) and abs(amount) > _MOST:
        return None
    try:
        exact = Decimal(repr(amount) if isinstance(amount, float) else amount)
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and abs(exact) < _MOST else None


def in_dollars(micros: int) -> Decimal:
    """Return micro-dollars as dollars, with all six places."""
    return Decimal(micros).scaleb(-6)
