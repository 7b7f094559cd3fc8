"""The limits of one model of one account, as one client keeps them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..config.budget import Budget
from ..config.limits import Limits
from ..policy.limit.tokens import Tokens
from ..telemetry.decision import Told
from .admission import Admission
from .ask import Ask
from .lanes import Lanes
from .limit_use import LimitUse, uses_of

__all__ = ("LimitRules", "Limiter", "Limiters")


class LimitRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a client keeps to, for all its models.

    ``limits_of`` gives the limits of a bare model name. ``counts_output``: tokens a minute are
    those of prompt and answer, else of the prompt alone. The other fields are those of ``Ask``.
    """

    limits_of: Callable[[str], Limits]
    counts_output: bool = False
    is_own: bool = False
    budget: Budget | None = None
    ceiling: int | None = None
    setting: str = ""


class Limiter:
    """Lets the requests of one client to one model through its lane."""

    __slots__ = ("_lanes", "_limits", "_model", "_rules", "scope")

    def __init__(self, lanes: Lanes, scope: str, model: str, rules: LimitRules) -> None:
        self.scope = f"{scope}|{model}"
        self._model = model
        self._lanes = lanes
        self._rules = rules
        self._limits = rules.limits_of(model)

    async def admit(
        self, estimate: Tokens, patience: float | None = None, told: Told | None = None
    ) -> Admission:
        """Return once the request may be sent, however long that takes within its patience.

        ``patience``: seconds, see ``Ask``. Raises RateLimited. Safe to cancel.
        """
        counts_output = self._rules.counts_output
        ask = self._ask(estimate.total if counts_output else estimate.input, patience, told)
        lane = self._lanes.of(self.scope)
        reservation = await lane.reserve(ask)
        return Admission(lane, ask, reservation, estimate, counts_output=counts_output)

    async def uses(self) -> list[LimitUse]:
        """Return how much of each limit is used."""
        return await uses_of(self._lanes.of(self.scope), self._ask(), self._model)

    def _ask(self, tokens: int = 0, patience: float | None = None, told: Told | None = None) -> Ask:
        rules = self._rules
        return Ask(
            limits=self._limits,
            is_own=rules.is_own,
            budget=rules.budget,
            ceiling=rules.ceiling,
            tokens=tokens,
            patience=patience,
            setting=rules.setting,
            told=told,
        )


class Limiters:
    """The limiters of a client, one for each model; ``scope`` names its account at its service."""

    __slots__ = ("_lanes", "_rules", "_scope")

    def __init__(self, lanes: Lanes, scope: str, rules: LimitRules) -> None:
        self._lanes = lanes
        self._scope = scope
        self._rules = rules

    def of(self, model: str) -> Limiter:
        """Return the limiter of a bare model name that was checked."""
        return Limiter(self._lanes, self._scope, model, self._rules)

    def listen(self, told: Told) -> None:
        """Tell ``told`` from now on what the books themselves decide, as when they are away."""
        self._lanes.listen(told)

    def unlisten(self, told: Told) -> None:
        """Tell ``told`` no more."""
        self._lanes.unlisten(told)

    async def in_use(self) -> list[Limiter]:
        """Return those of the models of which the books hold something, by name."""
        prefix = f"{self._scope}|"
        scopes = await self._lanes.store.scopes(prefix)
        return [self.of(scope.removeprefix(prefix)) for scope in sorted(scopes)]
