"""What the holder of a key may know of it, and no other: the answer of ``/key-info``."""

from __future__ import annotations

import msgspec

from ...config.relay.options import BudgetOptions
from ...policy.key.budget import Spending
from .key import Key
from .limits import KeyLimits
from .quotas import Quotas
from .remaining import Remaining

__all__ = ("KeyInfo", "key_info")


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key as its holder sees it; accounts, addresses and other keys are not in it.

    ``budget`` and ``spent`` in micro-dollars; ``spent`` is None for a key without a budget.
    ``expires``: seconds since 1970. ``surfaces`` and ``models``: empty for all.
    """

    id: str
    name: str
    last4: str
    is_enabled: bool
    expires: float | None = None
    models: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    limits: Quotas = Quotas()
    remaining: Remaining = Remaining()
    budget: BudgetOptions = BudgetOptions()
    spent: Spending | None = None
    max_output_tokens: int | None = None


async def key_info(key: Key, limits: KeyLimits) -> KeyInfo:
    """Return what is known of ``key`` now. Raises StoreUnavailable; safe to cancel."""
    await limits.budgets.prepare(key)
    return KeyInfo(
        id=key.id,
        name=key.name,
        last4=key.last4,
        is_enabled=key.scope.is_enabled,
        expires=key.scope.expires,
        models=key.scope.models,
        surfaces=tuple(surface.value for surface in key.scope.surfaces),
        limits=key.quotas,
        remaining=await limits.remaining(key),
        budget=key.budget,
        spent=limits.budgets.spending(key.id),
        max_output_tokens=key.max_output_tokens,
    )
