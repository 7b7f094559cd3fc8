"""What the server asks of the application that it serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from ...config.relay.changes import Changes
from ...config.relay.options import RelayOptions

__all__ = ("ASGIApplication", "Drainable", "Opened", "Reload", "Service")

ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]

Reload = Callable[[], Awaitable[Changes]]
"""Reads the file again and applies it; raises ConfigError when it cannot be used."""


class Drainable(Protocol):
    """An application that can be told to come to an end."""

    def begin_drain(self) -> None:
        """Answer that it is not ready; what runs goes on, and what still comes is served."""

    async def cut(self) -> None:
        """End every answer that runs, in its own dialect, and settle it."""

    async def flush(self) -> None:
        """Return once everything that must survive is written."""


class Service(Drainable, Protocol):
    """The relay, open: an ASGI application whose options can change while it runs.

    ``admin``: the application for operators, None for none.
    """

    @property
    def admin(self) -> ASGIApplication | None:
        """The application behind the operators' port."""

    async def apply(self, options: RelayOptions) -> None:
        """Go by ``options`` from the next request on; what runs ends as it began."""

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Serve one request."""


Opened = Callable[[RelayOptions, Reload], AbstractAsyncContextManager[Service]]
"""Opens the relay; for several workers it is a function of a module, as each imports it by name."""
