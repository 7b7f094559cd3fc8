"""Where limits are counted, by name: ``process``, ``machine``, or the URL of a Redis."""

from __future__ import annotations

from ..errors import ConfigError
from .lanes import Lanes, process_lanes

__all__ = ("lanes_at",)


def lanes_at(store: str) -> Lanes:
    """Return the lanes to the books that ``store`` names, the same for all who name them so."""
    if store == "process":
        return process_lanes()
    raise ConfigError(f"limit_store is {store!r:.80}; it takes 'process'")
