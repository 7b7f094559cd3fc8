"""The default transport: HTTP/1.1 over aiohttp.

Promises: each network read reaches the caller at once; closing or cancelling breaks the connection
off within a millisecond so that the service stops generating; a connection whose answer was read to
its end is used again. Refuses: redirects (a key must not follow one) and cookies.
"""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import (
    ConnectFailed,
    ConnectTimeout,
    GemstreamError,
    InvalidRequest,
    InvalidState,
    ProtocolError,
    StreamInterrupted,
    StreamTimeout,
)
from .timer import StreamTimer, head_timeout
from .transport import Deadlines, HTTPRequest

if TYPE_CHECKING:
    import aiohttp

__all__ = ("AiohttpTransport",)


class AiohttpTransport:
    """Opens exchanges over pooled HTTP/1.1 connections, one pool per event loop.

    ``ssl``: an ``ssl.SSLContext`` or None for the system's. ``trust_env``: honour ``HTTPS_PROXY``,
    ``NO_PROXY`` and the like. The number of connections is not limited here: limits belong to the
    accounts, not to the socket pool.
    """

    def __init__(self, *, ssl: Any = None, trust_env: bool = True) -> None:
        self._ssl = ssl
        self._trust_env = trust_env
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._closed = False

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> _AiohttpExchange:
        """Send ``request`` and return its exchange; see ``Transport.open``."""
        import aiohttp

        session = await self._session()
        opened = asyncio.get_running_loop().time()
        until, late = head_timeout(deadlines, opened)
        try:
            async with asyncio.timeout_at(until):
                response = await session.request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    data=io.BytesIO(request.body) if request.body else None,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, connect=deadlines.connect),
                )
        except TimeoutError as error:
            if isinstance(error, aiohttp.ServerTimeoutError):
                raise _translate(error, deadlines) from error
            raise late from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translate(error, deadlines) from error
        return _AiohttpExchange(response, deadlines, opened)

    async def aclose(self) -> None:
        """Close the pool of this event loop; those of others close themselves."""
        self._closed = True
        pools, self._pools = self._pools, {}
        if here := pools.get(asyncio.get_running_loop()):
            await here.keeper.aclose()

    def __del__(self) -> None:
        if any(not pool.session.closed for pool in getattr(self, "_pools", {}).values()):
            warnings.warn("a gemstream client was not closed", ResourceWarning, stacklevel=1)

    async def _session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise InvalidState("the transport is closed; make a new client")
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None or pool.session.closed:
            for finished in [at for at in list(self._pools) if at.is_closed()]:
                self._pools.pop(finished, None)
            session = self._new_session()
            pool = self._pools[loop] = _Pool(session, _keep(session))
            await anext(pool.keeper)
        return pool.session

    def _new_session(self) -> aiohttp.ClientSession:
        import aiohttp

        connector = aiohttp.TCPConnector(limit=0, ssl=True if self._ssl is None else self._ssl)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._trust_env,
        )


class _Pool(NamedTuple):
    """The connections of one event loop, and what closes them."""

    session: aiohttp.ClientSession
    keeper: AsyncGenerator[None]


class _AiohttpExchange:
    """A response of aiohttp in motion."""

    __slots__ = ("_content", "_deadlines", "_response", "_time", "_timer")

    def __init__(
        self, response: aiohttp.ClientResponse, deadlines: Deadlines, opened: float
    ) -> None:
        self._response = response
        self._content = response.content
        self._deadlines = deadlines
        self._time = asyncio.get_running_loop().time
        self._timer = StreamTimer(deadlines, opened, self._expire)

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def receive(self) -> bytes:
        timer = self._timer
        timer.waiting_since = self._time()
        try:
            data = await self._content.readany()
        except Exception as error:
            # aiohttp raises before it hands out what had arrived; to the caller that comes first.
            data = self._content._read_nowait(-1)
            if not data and isinstance(error, GemstreamError):
                raise  # a timeout of ours, on its way through aiohttp
            if not data:
                raise _translate(error, self._deadlines) from error
        timer.waiting_since = None
        if not data:
            timer.cancel()
        return data

    def began(self) -> None:
        self._timer.began()

    def abort(self) -> None:
        self._timer.cancel()
        self._response.close()

    async def aclose(self) -> None:
        self.abort()

    def _expire(self, error: StreamTimeout) -> None:
        self._content.set_exception(error)


def _translate(error: Exception, deadlines: Deadlines) -> GemstreamError:
    """Return our error for one of aiohttp's; the only place that knows them."""
    import aiohttp

    said = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectTimeout(
            f"no connection within {deadlines.connect:g} s: {said}; check base_url and the "
            "network, or raise timeouts.connect",
            timeout=deadlines.connect,
        )
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return InvalidRequest(f"the URL cannot be used: {said}")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        return ConnectFailed(f"no connection: {said}; check base_url and the network")
    if isinstance(error, aiohttp.ClientResponseError):
        return ProtocolError(f"the answer is not valid HTTP: {said}")
    if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
        return InvalidRequest(f"the request cannot be sent as HTTP: {said}")
    return StreamInterrupted(f"the connection broke: {said}")


async def _keep(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Close ``session`` when dropped, and when its loop ends as ``asyncio.run`` ends it.

    A loop closes the generators it has seen, in its own thread: no other hook tells of its end.
    """
    try:
        yield
    finally:
        await session.close()
