"""X-Server-Timeout: the seconds a client gives the service for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .clock import Clock
from .exchange import Exchange
from .number import whole_number
from .refusal import deadline_exceeded

__all__ = ("server_timeout", "within_deadline")


def server_timeout(exchange: Exchange) -> int | None:
    """Return the seconds the client allows, None when it does not say."""
    return whole_number(exchange.headers.get("x-server-timeout", ""))


@asynccontextmanager
async def within_deadline(exchange: Exchange, clock: Clock) -> AsyncIterator[None]:
    """Run the block until the client's deadline, then break it off and raise DeadlineExceeded.

    An answer that is in the books has been given, and is not broken off while it is sent.
    """
    seconds = server_timeout(exchange)
    if seconds is None:
        yield
        return
    limit = asyncio.timeout(None)
    try:
        async with limit:
            with clock.alarm(seconds, lambda: _expire(limit, exchange)):
                yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise deadline_exceeded() from None


def _expire(limit: asyncio.Timeout, exchange: Exchange) -> None:
    if not exchange.settled:
        limit.reschedule(asyncio.get_running_loop().time())
