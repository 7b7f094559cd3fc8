"""The short way to a caller's socket, where the server offers one beside ASGI's ``send``."""

from __future__ import annotations

from typing import Protocol

__all__ = ("EXTENSION", "Direct")

EXTENSION = "gemstream.relay.direct"
"""What a scope calls it among its extensions."""


class Direct(Protocol):
    """Writes pieces of an answer's body that has begun."""

    @property
    def is_possible(self) -> bool:
        """True while pieces may go down this way."""
        ...

    def write(self, data: bytes) -> bool:
        """Write a piece that is not empty; return False when the next one should wait."""
        ...

    async def drain(self) -> None:
        """Return once the caller's socket takes more; safe to cancel."""
        ...
