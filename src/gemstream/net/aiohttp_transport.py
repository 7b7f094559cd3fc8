"""The default transport: HTTP/1.1 over aiohttp, and WebSockets.

Promises: each network read reaches the caller at once; closing or cancelling breaks the connection
off within a millisecond so that the service stops generating; a connection whose answer was read to
its end is used again. Refuses: redirects (a key must not follow one) and cookies.
"""

from __future__ import annotations

import asyncio
import errno
import io
import os
import socket
import warnings
import weakref
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

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
from .aiohttp_attempt import Broken, once
from .aiohttp_socket import AiohttpWebSocket, dial_socket
from .proxy import environment_proxy, origin
from .timer import StreamTimer, head_timeout
from .transport import Deadlines, HTTPRequest
from .web_socket import PING_EVERY, Refusal

if TYPE_CHECKING:
    import aiohttp

__all__ = ("AiohttpTransport",)

# How aiohttp begins to tell of a body whose connection ended; the rest is its parser's state.
_UNFINISHED = "Response payload is not completed"
_PACKED = "Can not decode content-encoding"  # in its error of a body that is not packed as said

T = TypeVar("T")


class AiohttpTransport:
    """Opens exchanges over pooled HTTP/1.1 connections, one pool per event loop.

    ``ssl``: an ``ssl.SSLContext`` or None for the system's. ``trust_env``: honour ``HTTPS_PROXY``,
    ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, read once for each host by
    ``environment_proxy``. The number of connections is not limited here: limits belong to the
    accounts, not to the socket pool.
    """

    def __init__(self, *, ssl: Any = None, trust_env: bool = True) -> None:
        self._ssl = ssl
        self._trust_env = trust_env
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._proxies: dict[tuple[str, str], str | None] = {}
        self._closed = False

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> _AiohttpExchange:
        """Send ``request`` and return its exchange; see ``Transport.open``."""
        pool = await self._pool()
        opened = asyncio.get_running_loop().time()
        response = await _bounded(self._request(pool, request, deadlines), deadlines, opened)
        exchange = _AiohttpExchange(response, deadlines, opened)
        pool.exchanges.add(exchange)
        return exchange

    async def open_socket(
        self,
        request: HTTPRequest,
        deadlines: Deadlines,
        *,
        max_message_size: int,
        ping_every: float = PING_EVERY,
    ) -> AiohttpWebSocket | Refusal:
        """Open a WebSocket; see ``SocketTransport.open_socket``."""
        pool = await self._pool()
        connector = pool.session.connector
        assert connector is not None, "a pool that is not closed has one"
        dialled = dial_socket(
            connector,
            request,
            deadlines,
            proxy=self._proxy_for(_as_http(request.url)),
            max_message_size=max_message_size,
            ping_every=ping_every,
        )
        socket = await _bounded(dialled, deadlines, asyncio.get_running_loop().time())
        if isinstance(socket, AiohttpWebSocket):
            pool.sockets.add(socket)
        return socket

    async def aclose(self) -> None:
        """Close the pool of this event loop; those of others close themselves."""
        self._closed = True
        pools, self._pools = self._pools, {}
        if here := pools.get(asyncio.get_running_loop()):
            for exchange in tuple(here.exchanges):
                exchange.interrupt()
            for socket in tuple(here.sockets):
                socket.abort()
            await here.keeper.aclose()

    def __del__(self) -> None:
        if any(not pool.session.closed for pool in getattr(self, "_pools", {}).values()):
            warnings.warn("a gemstream client was not closed", ResourceWarning, stacklevel=1)

    async def _pool(self) -> _Pool:
        if self._closed:
            raise InvalidState("the transport is closed; make a new client")
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None or pool.session.closed:
            for finished in [at for at in list(self._pools) if at.is_closed()]:
                self._pools.pop(finished, None)
            session = self._new_session()
            pool = self._pools[loop] = _Pool(
                session, _keep(session), weakref.WeakSet(), weakref.WeakSet()
            )
            await anext(pool.keeper)
        return pool

    async def _request(
        self, pool: _Pool, request: HTTPRequest, deadlines: Deadlines
    ) -> aiohttp.ClientResponse:
        import aiohttp

        try:
            return await pool.session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=_payload(request),
                allow_redirects=False,
                proxy=self._proxy_for(request.url),
                timeout=aiohttp.ClientTimeout(total=None, connect=deadlines.connect),
                middlewares=() if request.method == "POST" else (once,),
            )
        except Broken as broken:
            raise broken.error from None

    def _proxy_for(self, url: str) -> str | None:
        """Return the proxy the environment names for the host of ``url``, looked up once."""
        if not self._trust_env:
            return None
        at = origin(url)
        if at not in self._proxies:
            self._proxies[at] = environment_proxy(*at)
        return self._proxies[at]

    def _new_session(self) -> aiohttp.ClientSession:
        import aiohttp

        connector = aiohttp.TCPConnector(limit=0, ssl=True if self._ssl is None else self._ssl)
        # Not trust_env: aiohttp would also read ~/.netrc, and send what it finds there.
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


class _Pool(NamedTuple):
    """The connections of one event loop, and what closes them."""

    session: aiohttp.ClientSession
    keeper: AsyncGenerator[None]
    exchanges: weakref.WeakSet[_AiohttpExchange]
    sockets: weakref.WeakSet[AiohttpWebSocket]


class _AiohttpExchange:
    """A response of aiohttp in motion."""

    __slots__ = ("__weakref__", "_content", "_deadlines", "_response", "_time", "_timer")

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
        failure: GemstreamError | None = None
        try:
            data = await self._content.readany()
        except Exception as error:
            # aiohttp raises before it hands out what had arrived; to the caller that comes first.
            data = self._content._read_nowait(-1)
            failure = _translate(error, self._deadlines)
        if failure is not None and not data:
            raise failure
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

    def interrupt(self) -> None:
        """Break the exchange off from this side; its reader is told."""
        if not self._content.is_eof():
            self._content.set_exception(StreamInterrupted("the client was closed"))
        self.abort()

    def _expire(self, error: StreamTimeout) -> None:
        if not self._content.is_eof():  # an answer that is all here is not late any more
            self._content.set_exception(error)


async def _bounded(opening: Awaitable[T], deadlines: Deadlines, opened: float) -> T:
    """Return what is opened; raises our errors in the place of aiohttp's."""
    import aiohttp

    until, late = head_timeout(deadlines, opened)
    failure: GemstreamError
    try:
        async with asyncio.timeout_at(until):
            return await opening
    except TimeoutError as error:
        is_theirs = isinstance(error, aiohttp.ServerTimeoutError)
        failure = _translate(error, deadlines) if is_theirs else late
    except (aiohttp.ClientError, OSError, ValueError, TypeError) as error:
        failure = _translate(error, deadlines)
    # Out here it has no context: aiohttp's errors hold the request's headers, so the key.
    raise failure


def _payload(request: HTTPRequest) -> Any:
    if request.stream is not None:
        return request.stream
    return io.BytesIO(request.body) if request.body else None


def _as_http(url: str) -> str:
    """Return the URL by whose scheme proxies are found."""
    return f"http{url[2:]}" if url[:2].lower() == "ws" else url


def _translate(error: Exception, deadlines: Deadlines) -> GemstreamError:
    """Return our error for one of aiohttp's; the only place that knows them."""
    import aiohttp

    if isinstance(error, GemstreamError):
        return error  # a timeout of ours, on its way through aiohttp
    said = _said(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectTimeout(
            f"no connection within {deadlines.connect:g} s: {said}; check base_url and the "
            "network, or raise timeouts.connect",
            timeout=deadlines.connect,
        )
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return InvalidRequest(f"the URL cannot be used: {said}")
    if isinstance(error, aiohttp.ClientSSLError):
        return _not_again(
            f"no TLS connection: {said}; check base_url and certificates (SSL_CERT_FILE names that "
            "of a private authority)"
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ConnectFailed(f"no connection to the proxy: {said}; check HTTPS_PROXY and the like")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectFailed(f"no connection: {said}; check base_url and the network")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        refused = f"the proxy lets no connection through: {said}; check HTTPS_PROXY and NO_PROXY"
        return ConnectFailed(refused) if error.status >= 500 else _not_again(refused)
    if isinstance(error, aiohttp.ClientResponseError):
        return ProtocolError(f"the answer is not valid HTTP: {said}")
    if isinstance(error, aiohttp.ClientPayloadError) and _PACKED in str(error):
        return ProtocolError("the answer cannot be unpacked as its content-encoding says")
    if isinstance(error, ValueError | TypeError) and not isinstance(error, aiohttp.ClientError):
        return InvalidRequest(f"the request cannot be sent as HTTP: {said}")
    return StreamInterrupted(f"the connection broke: {said}")


def _said(error: Exception) -> str:
    """Return what ``error`` says, and what the system said below it."""
    import aiohttp

    if isinstance(error, aiohttp.ClientResponseError):  # its text has the URL, a proxy's password
        return f"{error.status}, {error.message}"
    said = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ClientPayloadError) and said.startswith(_UNFINISHED):
        return "the answer broke off before its end"
    if isinstance(error, aiohttp.ClientSSLError):
        return said  # its numbers are not the system's
    if isinstance(error, aiohttp.ClientConnectorError):
        host = f"[{error.host}]" if ":" in error.host else error.host
        return f"{host}:{error.port}: {_system_said(error.os_error)}"
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        reason = os.strerror(error.errno)
        return said if reason in said else f"{said} ({reason})"
    return said


def _system_said(error: OSError) -> str:
    """Return the system's words; event loops put their own in their place."""
    # The number of a name that is not found is not the system's.
    if not isinstance(error, socket.gaierror) and error.errno and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _not_again(message: str) -> ConnectFailed:
    """Return the error for a connection that another try would not bring about either."""
    error = ConnectFailed(message)
    error.retryable = False
    return error


async def _keep(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Close ``session`` when dropped, and when its loop ends as ``asyncio.run`` ends it.

    A loop closes the generators it has seen, in its own thread: no other hook tells of its end.
    """
    try:
        yield
    finally:
        await session.close()
