"""A whole answer of which each body becomes another, as a list of models in another format."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import GemstreamError
from ...policy.usage_meter import UsageMeter

__all__ = ("MappedWhole",)


class MappedWhole:
    """``change`` makes the caller's body of the upstream's; it may raise GemstreamError."""

    __slots__ = ("_change", "tally")

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self._change = change
        self.tally = UsageMeter("application/json")

    def body(self, upstream: bytes) -> bytes:
        """Return the caller's body; ``b""`` when the tally has an error."""
        self.tally.receive_whole(upstream)
        try:
            return self._change(upstream)
        except GemstreamError as error:
            self.tally.error = error
            return b""
