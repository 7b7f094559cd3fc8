"""Every bar, a row each, by what it is about."""

from __future__ import annotations

from .client import CLIENT
from .decoders import DECODERS
from .limits import LIMITS
from .live import LIVE
from .relay import RELAY

__all__ = ("BARS",)

BARS = (*CLIENT, *LIVE, *LIMITS, *DECODERS, *RELAY)
