"""Leaving without cutting anybody: the sequence that SIGTERM begins.

1. not ready, so that no balancer sends more; 2. for ``drain_delay`` still accepted, each answer the
last of its connection; 3. listeners closed; 4. what runs has until ``grace``, counted from the
signal, less the farewell; 5. then it is ended in its own dialect and settled; 6. the books are
flushed. A second signal skips to 5.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Protocol

from ...config.relay.options import ServerOptions
from ...errors import GemstreamError
from .service import Drainable

__all__ = ("FAREWELL", "Accepting", "drain")

FAREWELL = 5.0
"""Seconds before the end of ``grace`` in which answers that still run are told that it is over."""

# For books that do not answer: the process must end, and the next start sweeps its rows.
_FLUSH_SECONDS = 10.0

_log = logging.getLogger("gemstream.relay.server")


class Accepting(Protocol):
    """What of a listener the sequence needs."""

    def begin_drain(self) -> None:
        """Close each connection after its answer."""

    def stop_accepting(self) -> None:
        """Close the listening sockets and the idle connections."""

    async def idle(self) -> None:
        """Return when nothing runs."""

    async def close(self) -> None:
        """Break off what still runs."""


async def drain(
    app: Drainable,
    listener: Accepting,
    options: ServerOptions,
    hurry: asyncio.Event,
    *,
    delay: float,
) -> bool:
    """Bring ``app`` and its ``listener`` to an end; returns whether every answer ended by itself.

    ``hurry`` set: go on to the farewell at once. ``delay``: seconds of step 2. Not to be cancelled.
    """
    began = asyncio.get_running_loop().time()
    app.begin_drain()
    listener.begin_drain()
    await _until(hurry, delay)
    listener.stop_accepting()
    left = began + options.grace - FAREWELL - asyncio.get_running_loop().time()
    is_clean = await _idle(listener, hurry, left)
    if not is_clean:
        _log.warning("answers still run at the end of the grace time, and are ended now")
        await _at_most(app.cut(), FAREWELL, "the answers that ran could not all be ended in time")
        await _at_most(listener.idle(), FAREWELL, "connections are broken off")
    await listener.close()
    await _at_most(app.flush(), _FLUSH_SECONDS, "the books could not be flushed in time")
    return is_clean


async def _until(event: asyncio.Event, seconds: float) -> None:
    if seconds > 0 and not event.is_set():
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass


async def _idle(listener: Accepting, hurry: asyncio.Event, seconds: float) -> bool:
    """Return whether nothing runs any more, after ``seconds`` or a second signal at the latest."""
    idle = asyncio.ensure_future(listener.idle())
    hurried = asyncio.ensure_future(hurry.wait())
    try:
        await asyncio.wait(
            (idle, hurried), timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED
        )
        return idle.done()
    finally:
        idle.cancel()
        hurried.cancel()
        await asyncio.gather(idle, hurried, return_exceptions=True)


async def _at_most(work: Coroutine[Any, Any, None], seconds: float, said: str) -> None:
    """Wait for ``work``; what fails or takes longer is told, for the end has to come."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        _log.error("%s", said)
    except GemstreamError as error:
        _log.error("%s: %s", said, error)
