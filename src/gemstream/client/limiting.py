"""Which limits a client keeps (those it was given, its tier's, or none), and its retry budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config.budget import budgeted
from ..config.limits import Limits
from ..config.tiers import Tier
from ..errors import ConfigError
from ..limits.lanes import Lanes, lanes_in, lanes_of
from ..limits.limit_use import LimitUse
from ..limits.limiter import Limiters, LimitRules
from ..limits.retry_budgets import budgets_of, process_budgets
from ..limits.store import LimitStore
from ..limits.stores import PROCESS, lanes_at
from ..policy.retry import RetryBudget
from .settings import Setup

__all__ = ("limiters_of", "retry_budget_of", "scope_of", "uses_of")


def limiters_of(given: Mapping[str, Any], setup: Setup) -> Limiters | None:
    """Return the limiters of a client, None when it keeps no limits; raises ConfigError.

    Clients of one account share their limits, wherever in the process they are; one with a
    transport of its own is in a world of its own, unless it names a store.
    """
    rules = _rules(given, setup)
    if rules is None:
        return None
    return Limiters(_lanes(given, setup), scope_of(setup), rules)


def retry_budget_of(given: Mapping[str, Any], setup: Setup) -> RetryBudget:
    """Return what a client's account may spend on retries, shared as its limits are."""
    transport = given.get("transport")
    budgets = process_budgets() if transport is None else budgets_of(transport)
    return budgets.of(scope_of(setup))


def scope_of(setup: Setup) -> str:
    """Return the name of an account at its service."""
    settings = setup.settings
    address = f"{settings.base_url}{settings.parent and '/' + settings.parent}"
    return f"{address}|{setup.credentials.account}"


async def uses_of(limiters: Limiters | None, model: str | None) -> list[LimitUse]:
    """Return how much is used of each limit on ``model``, None for all of which anything is."""
    if limiters is None:
        return []
    if model is not None:
        return await limiters.of(model).uses()
    found = [await limiter.uses() for limiter in await limiters.in_use()]
    return [use for uses in found if any(one.used or one.waiting for one in uses) for use in uses]


def _rules(given: Mapping[str, Any], setup: Setup) -> LimitRules | None:
    own = given.get("limits")
    if own is not None and not isinstance(own, Limits):
        raise ConfigError(
            f"limits is {own!r:.80}; pass Limits(rpm=…, tpm=…, rpd=…, concurrency=…), or None for "
            "no limits; a tier is named by tier=…"
        )
    if "limits" in given and own is None:
        return None
    tier = setup.options.tier
    if own is not None:
        counts = tier is not None and tier.tpm_counts == "total"
        return LimitRules(
            limits_of=lambda model: own,
            counts_output=counts,
            is_own=True,
            setting="the client's limits",
        )
    return None if tier is None else _tier_rules(tier, setup)


def _tier_rules(tier: Tier, setup: Setup) -> LimitRules:
    config = setup.options.config
    budget = config.budget
    return LimitRules(
        limits_of=lambda model: budgeted(tier.limits_of(model), budget),
        counts_output=tier.tpm_counts == "total",
        budget=budget,
        ceiling=tier.adaptive_ceiling if config.limits.adaptive else None,
        setting=f"tier {tier.name}, {setup.options.origins['tier']}",
    )


def _lanes(given: Mapping[str, Any], setup: Setup) -> Lanes:
    store: LimitStore | str | None = given.get("limit_store")
    if store is None:
        store = setup.options.config.limits.store
    if store is None and given.get("transport") is not None:
        return lanes_of(given["transport"])
    if store is None or isinstance(store, str):
        return lanes_at(store or PROCESS, setup.options.config.limits.away)
    return lanes_in(store)
