"""One request as it is sent, try after try: its address, its body, its time, its listener."""

from __future__ import annotations

import msgspec

from ..config.timeouts import Timeouts
from ..policy.cost import Pricing
from .observation import SILENT, Observation

__all__ = ("Call",)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same over all tries of a request."""

    method: str
    url: str
    body: bytes
    timeouts: Timeouts
    watch: Observation = SILENT
    pricing: Pricing | None = None
