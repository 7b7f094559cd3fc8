"""How accounts stand, as values for operators and metrics; without keys."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .line import Line
from .state import OPEN, Dimension, Standing, State

__all__ = ("Change", "Fact", "PoolFacts", "line_facts")


class Change(msgspec.Struct, frozen=True):
    """An account stands otherwise than before; ``model`` is ``""`` for all of them."""

    account: str
    model: str
    dimension: Dimension
    standing: Standing


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """How one account stands in one respect; ``model`` is ``""`` for all of them.

    ``ends_in``: seconds until the state passes by itself, None when it does not. ``failures``: in
    a row. ``in_flight``: what runs; ``ceiling``: how many may, None for any number.
    """

    account: str
    model: str = ""
    dimension: Dimension = Dimension.ACCOUNT
    state: State = State.OPEN
    ends_in: float | None = None
    cause: str = ""
    times: int = 0
    failures: int = 0
    in_flight: int = 0
    ceiling: int | None = None


class PoolFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The whole pool: a row for each account, and one for each respect in which it is not open.

    ``refusing``: the share of requests that is not even sent, for each model that is spared.
    Counted since the start: ``refused_retries``, for which the budget had nothing left, and
    ``ejections`` by their cause.
    """

    accounts: tuple[Fact, ...]
    refusing: dict[str, float]
    in_flight: int
    retries: int
    retry_budget: int
    refused_retries: int
    ejections: dict[str, int]


def line_facts(account: str, model: str, line: Line, now: float) -> Iterator[Fact]:
    """Yield a fact for every respect in which the line is not open, and one for a busy line."""
    standings = {dimension: standing.at(now) for dimension, standing in line.standings.items()}
    shut = [one for one in standings.items() if one[1].state is not State.OPEN]
    ceiling = line.ceiling(now)
    if not shut and (line.in_flight or line.failures or ceiling is not None):
        shut = [(Dimension.HEALTH, OPEN)]
    for dimension, standing in shut:
        passes = standing.state in (State.COOLING, State.EJECTED)
        yield Fact(
            account=account,
            model=model,
            dimension=dimension,
            state=standing.state,
            ends_in=standing.until - now if passes else None,
            cause=standing.cause,
            times=standing.times,
            failures=line.failures,
            in_flight=line.in_flight,
            ceiling=ceiling,
        )
