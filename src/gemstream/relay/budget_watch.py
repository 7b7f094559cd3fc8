"""Whether a key can still pay for a stream that runs."""

from __future__ import annotations

from ..config.prices import Price
from ..policy.cost import cost_of
from ..policy.limit.tokens import tokens_of
from .answers.answer import Tally
from .keys.admission import KeyAdmission

__all__ = ("BudgetWatch",)

# A look costs 10 µs. So a budget is overdrawn by what seven chunks cost, at most; tokens a minute
# are corrected at the end in any case, and before that only so that a long answer is seen.
_EVERY = 8
_EVERY_OF_TOKENS = 64


class BudgetWatch:
    """Looks after each eighth read, the first among them; see ``pump.Watch``.

    Without a budget there are tokens to be told alone, and every 64th is enough. ``price``: None
    for a model whose price is not known. ``tokens`` and ``micros``: what earlier attempts used.
    """

    __slots__ = ("_admission", "_every", "_left", "_micros", "_price", "_tally", "_tokens")

    def __init__(
        self, admission: KeyAdmission, tally: Tally, price: Price | None, tokens: int, micros: int
    ) -> None:
        self._admission = admission
        self._tally = tally
        self._price = price
        self._tokens = tokens
        self._micros = micros
        budget = admission.key.budget
        has_budget = (budget.day, budget.month, budget.total) != (None, None, None)
        self._every = _EVERY if has_budget else _EVERY_OF_TOKENS
        self._left = 1

    def passed(self) -> None:
        """Raise BudgetExceeded when what was used so far costs more than is left."""
        self._left -= 1
        if self._left:
            return
        self._left = self._every
        usage = self._tally.usage
        if usage is None:
            return
        cost = None if self._price is None else cost_of(usage, self._price)
        self._admission.adjust(
            self._tokens + tokens_of(usage).total,
            self._micros + (0 if cost is None else cost.micros),
        )
