"""How many answers may run at once, learned from the service: less after a 429, slowly more."""

from __future__ import annotations

import msgspec

__all__ = ("AdaptiveConcurrency",)

_CUT = 0.75


class AdaptiveConcurrency(msgspec.Struct):
    """``amount`` starts at ``usual``, never falls below 1 nor rises above ``ceiling``."""

    usual: int
    ceiling: int
    amount: int = 0

    def __post_init__(self) -> None:
        self.amount = self.amount or self.usual

    def receive_throttled(self) -> None:
        """Take a quarter away: the service answered 429."""
        self.amount = max(1, int(self.amount * _CUT))

    def receive_success(self) -> None:
        """Allow one more: the service answered."""
        self.amount = min(self.ceiling, self.amount + 1)

    @property
    def is_usual(self) -> bool:
        """True when nothing is remembered that a new one would not know."""
        return self.amount == self.usual
