"""The relay itself as the service of a worker."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from ...config.relay.options import RelayOptions
from ..admin.app import Admin
from ..admin.opened import desk_of
from ..app import Relay
from ..opened import opened_relay
from ..telemetry.log_setup import logged
from .service import ASGIApplication, Reload, Service

__all__ = ("open_service",)


@asynccontextmanager
async def open_service(options: RelayOptions, reload: Reload) -> AsyncIterator[Service]:
    """Open the relay as ``opened_relay`` does; raises what that raises."""
    with logged(options.server.log, sys.stderr):
        async with opened_relay(options) as relay:
            yield _RelayService(relay, reload)


class _RelayService:
    __slots__ = ("_relay", "admin", "begin_drain", "cut", "flush")

    def __init__(self, relay: Relay, reload: Reload) -> None:
        self._relay = relay
        self.admin: ASGIApplication | None = Admin(desk_of(relay, reload))
        self.begin_drain = relay.begin_drain
        self.cut = relay.cut
        self.flush = relay.flush

    async def apply(self, options: RelayOptions) -> None:
        self._relay.parts.reconfigure(options)

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        return self._relay(scope, receive, send)
