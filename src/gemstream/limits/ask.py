"""What one request asks of its lane."""

from __future__ import annotations

import msgspec

from ..config.budget import Budget
from ..config.limits import Limits
from ..telemetry.decision import Told

__all__ = ("Ask",)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request of ``tokens``, under ``limits``.

    ``is_own``: the caller set the limits, so what the service allows beyond them is left alone.
    ``budget``: the share to keep to of what the service says it allows; ``limits`` are a share
    already. ``ceiling``: what adaptive concurrency may rise to. ``patience``: seconds the request
    may wait in all; 0 for none; None for as long as it takes, unless one limit alone is full for
    longer than ``lane.LONGEST_WAIT``. ``setting``: where the limits come from and what changes
    them.
    """

    limits: Limits
    is_own: bool = False
    budget: Budget | None = None
    ceiling: int | None = None
    tokens: int = 1
    patience: float | None = None
    setting: str = ""
    told: Told | None = None
