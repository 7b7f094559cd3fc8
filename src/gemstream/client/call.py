"""One request as it is sent, try after try: its address, body, time, listener and limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from ..config.timeouts import Timeouts
from ..limits.admission import FREE, Admission, Free
from ..net.transport import Deadlines, Exchange, HTTPRequest
from ..policy.cost import Pricing
from .observation import SILENT, Observation

__all__ = ("Admit", "Call", "Opening", "freely")

Admit = Callable[[], Awaitable[Admission | Free]]
Opening = Callable[[HTTPRequest, Deadlines], Awaitable[Exchange]]


async def freely() -> Free:
    """Let a request through that no limit is kept for."""
    return FREE


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same over all tries of a request; ``admit`` lets each of them be sent.

    ``opening`` sends it in the place of the transport, as over a Live session.
    """

    method: str
    url: str
    body: bytes
    timeouts: Timeouts
    watch: Observation = SILENT
    pricing: Pricing | None = None
    admit: Admit = freely
    opening: Opening | None = None
