"""Whether a key can still pay for a stream that runs."""

from __future__ import annotations

from ..config.prices import Price
from ..policy.cost import cost_of
from ..policy.limit.tokens import tokens_of
from ..wire.usage import UsageMetadata
from .answers.answer import Tally
from .keys.admission import KeyAdmission

__all__ = ("BudgetWatch",)


class BudgetWatch:
    """Looks after each read; see ``pump.Watch``.

    ``tokens`` and ``micros``: what the attempts before this one have used.
    """

    __slots__ = ("_admission", "_micros", "_price", "_seen", "_tally", "_tokens")

    def __init__(
        self, admission: KeyAdmission, tally: Tally, price: Price, tokens: int, micros: int
    ) -> None:
        self._admission = admission
        self._tally = tally
        self._price = price
        self._tokens = tokens
        self._micros = micros
        self._seen: UsageMetadata | None = None

    def passed(self) -> None:
        """Raise BudgetExceeded when what was used so far costs more than is left."""
        usage = self._tally.usage
        if usage is None or usage is self._seen:
            return
        self._seen = usage
        cost = cost_of(usage, self._price)
        if cost is not None:
            self._admission.adjust(
                self._tokens + tokens_of(usage).total, self._micros + cost.micros
            )
