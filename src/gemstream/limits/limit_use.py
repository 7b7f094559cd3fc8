"""How much of the limits on a model is used, as values to show."""

from __future__ import annotations

import msgspec

from ..config.limits import Limits
from ..policy.limit.log import Level
from ..policy.limit.quota import GATE
from .ask import Ask
from .lane import Lane

__all__ = ("LimitUse", "uses_of")


_ORDER = (GATE, *Limits.__struct_fields__)


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one limit on one model is used.

    ``quota``: ``rpm``, ``tpm``, ``rpd`` or ``concurrency``; or ``hold``, which has no ``limit``,
    while the service asks everybody to hold back. ``used`` and ``left``: requests, tokens, or
    answers that run. ``resets_in``: seconds until all of it is free if nobody else comes, None
    when it is, or when that is up to what runs. ``waiting``: how many requests wait for their turn
    at the model, in every process that the books show. ``setting``: where ``limit`` comes from.
    """

    model: str
    quota: str
    limit: int | None
    used: int
    left: int | None
    resets_in: float | None
    waiting: int = 0
    setting: str = ""


async def uses_of(lane: Lane, ask: Ask, model: str) -> list[LimitUse]:
    """Return one for each limit that ``ask`` keeps to, and one for a hold; safe to cancel."""
    levels, waiting = await lane.levels(ask)
    levels.sort(key=lambda level: _ORDER.index(level.claim.quota))
    return [
        LimitUse(
            model=model,
            quota=level.claim.quota,
            limit=limit,
            used=level.used,
            left=None if limit is None else max(0, limit - level.used),
            resets_in=lane.seconds_until(level.frees_at),
            waiting=waiting,
            setting=_setting(level, ask),
        )
        for level in levels
        for limit in [None if level.claim.quota == GATE else level.claim.limit.amount]
        if level.used or limit is not None
    ]


def _setting(level: Level, ask: Ask) -> str:
    """Return where a number comes from: the service has the last word."""
    quota = level.claim.quota
    if quota == GATE:
        return "the service"
    ours = getattr(ask.limits, quota)
    if ours == level.claim.limit.amount:
        return ask.setting
    return f"learned from the service, in place of {ours or 'none'} ({ask.setting})"
