"""One request as one request: aiohttp repeats some in silence when their connection breaks.

It sends GET, DELETE and handshakes a second time (``IDEMPOTENT_METHODS`` of its client). Whether
something is tried again is not for a transport to decide: it is counted, paid for and told above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

__all__ = ("Broken", "once")


class Broken(Exception):
    """Carries a connection's error out of aiohttp's sight."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__(error)
        self.error = error


async def once(request: Any, handler: Any) -> aiohttp.ClientResponse:
    """Send ``request``, as a middleware of aiohttp; raises Broken for aiohttp's errors."""
    import aiohttp

    try:
        response: aiohttp.ClientResponse = await handler(request)
    except aiohttp.ClientError as error:
        raise Broken(error) from None
    return response
