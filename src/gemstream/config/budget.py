"""How much of an account's limits may be used: multipliers, the smallest of which counts."""

from __future__ import annotations

import math

import msgspec

from ..errors import ConfigError
from .limits import Limits

__all__ = ("Budget", "budgeted")


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The share of each limit that may be used, above 0 and at most 1.

    Raises ConfigError for any other number: a share above 1 would break the limit.
    """

    rpm: float = 1.0
    tpm: float = 1.0
    rpd: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            share = getattr(self, name)
            is_number = isinstance(share, int | float) and not isinstance(share, bool)
            if not is_number or not 0 < share <= 1:
                raise ConfigError(
                    f"budget {name} is {share!r:.80}; it must be a number above 0 and at most 1, "
                    "as 0.8 for four fifths of the limit"
                )


def budgeted(limits: Limits, *budgets: Budget | None) -> Limits:
    """Return ``limits`` times the smallest share that any of ``budgets`` gives, applied once.

    A number is rounded after multiplying, halves up, and stays at least 1. No limit stays no limit,
    and ``concurrency`` is what it is. None among the budgets is one that nobody gave.
    """
    given = [budget for budget in budgets if budget is not None]
    if not given:
        return limits
    return msgspec.structs.replace(
        limits,
        **{
            name: _share(getattr(limits, name), min(getattr(budget, name) for budget in given))
            for name in Budget.__struct_fields__
        },
    )


def _share(limit: int | None, share: float) -> int | None:
    if limit is None or share == 1:
        return limit
    return max(1, math.floor(limit * share + 0.5))
