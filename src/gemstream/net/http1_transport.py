"""The relay's upstream leg: HTTP/1.1 as an ``asyncio.Protocol`` over httptools.

Promises: each network read reaches the caller at once; closing, cancelling and timeouts break the
connection off in the same turn of the loop; a connection whose answer was complete is used again.
A request is sent once: where it goes out on a connection that the server closes at that moment,
that is a StreamInterrupted, for GET as for POST, and whether it is asked again is decided and
counted above (AiohttpTransport has it so, too). That seldom happens: an idle connection's socket is
looked at before it is used, and one with an end or with bytes in it is dropped for a fresh one.

Refuses: redirects (a key must not follow one), cookies, packed bodies, other protocols, and every
answer that two readers could frame differently. A body that only the connection's end would
complete is, over TLS, complete only with TLS's own end (RFC 9112, 9.8).

Why it is there: one more chunk costs 0.88 of what it costs over AiohttpTransport with the system's
calls (17.8 µs against 19.8 on a busy machine, medians of 11 rounds in turns, ``benchmarks
transport-chunk-cpu``), and about 5 µs against 8 without them. A request costs 80 µs against 180 on
a kept connection and 220 against 450 on a new one, 500 at once. An awaitable of our own in place
of a future for each wait was tried and saves nothing.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncGenerator
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import ConfigError, GemstreamError, InvalidState, ProtocolError
from .aiohttp_transport import AiohttpTransport
from .coding import check_coding
from .http1_body import HTTP1Body
from .http1_exchange import HTTP1Exchange
from .http1_head import request_head
from .http1_pool import HTTP1Pool
from .http2_dial import Dial
from .http2_errors import check_url
from .proxy import environment_proxy, origin
from .timer import head_timeout
from .transport import Deadlines, Exchange, HTTPRequest

__all__ = ("HTTP1Transport",)


class HTTP1Transport:
    """Opens exchanges over pooled HTTP/1.1 connections, one pool per origin and event loop.

    ``ssl``: an ``ssl.SSLContext``, used as it is, or None for the system's. ``trust_env``: honour
    the proxies of the environment as AiohttpTransport does; an origin that is behind one is reached
    by an AiohttpTransport, which also sends the bodies that come in pieces. The number of
    connections is not limited.

    Raises ConfigError without httptools (extra ``relay``).
    """

    def __init__(self, *, ssl: ssl.SSLContext | None = None, trust_env: bool = True) -> None:
        _require_library()
        self._ssl = ssl
        self._tls = ssl
        self._trust_env = trust_env
        self._reference: AiohttpTransport | None = None
        self._pools: dict[asyncio.AbstractEventLoop, _Pools] = {}
        self._proxied: dict[tuple[str, str], bool] = {}
        self._closed = False

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> Exchange:
        """Send ``request`` and return its exchange; see ``Transport.open``."""
        if self._closed:
            raise InvalidState("the transport is closed; make a new client")
        check_url(request.url)
        at = origin(request.url)
        if request.stream is not None or self._is_proxied(at):
            return await self._over_aiohttp().open(request, deadlines)
        head = request_head(request)
        pool = await self._pool(at, request.url)
        now = asyncio.get_running_loop().time()
        body = await _answered(pool, request, head, deadlines, now)
        try:
            check_coding(body.headers, "HTTP1Transport")
        except ProtocolError:
            body.abort()
            raise
        return HTTP1Exchange(body, deadlines, now)

    async def aclose(self) -> None:
        """Close the connections of this event loop; those of others close with their loops."""
        self._closed = True
        pools, self._pools = self._pools, {}
        if here := pools.get(asyncio.get_running_loop()):
            await here.keeper.aclose()
        if self._reference is not None:
            await self._reference.aclose()

    def __del__(self) -> None:
        if any(pools.of for pools in getattr(self, "_pools", {}).values()):
            warnings.warn("a gemstream client was not closed", ResourceWarning, stacklevel=1)

    async def _pool(self, at: tuple[str, str], url: str) -> HTTP1Pool:
        pools = (await self._here()).of
        pool = pools.get(at)
        if pool is None:
            parts = urlsplit(url)
            tls = self._context() if parts.scheme == "https" else None
            dial = Dial(parts.scheme, parts.hostname or "", parts.port, tls, None)
            pool = pools[at] = HTTP1Pool(dial)
        return pool

    async def _here(self) -> _Pools:
        loop = asyncio.get_running_loop()
        pools = self._pools.get(loop)
        if pools is None:
            for finished in [at for at in list(self._pools) if at.is_closed()]:
                self._pools.pop(finished, None)
            of: dict[tuple[str, str], HTTP1Pool] = {}
            pools = self._pools[loop] = _Pools(of, _keep(of))
            await anext(pools.keeper)
        return pools

    def _is_proxied(self, at: tuple[str, str]) -> bool:
        """Return True where the environment names a proxy, looked up once for each origin."""
        if at not in self._proxied:
            self._proxied[at] = self._trust_env and environment_proxy(*at) is not None
        return self._proxied[at]

    def _over_aiohttp(self) -> AiohttpTransport:
        if self._reference is None:
            self._reference = AiohttpTransport(ssl=self._ssl, trust_env=self._trust_env)
        return self._reference

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class _Pools(NamedTuple):
    """The connections of one event loop by origin, and what closes them."""

    of: dict[tuple[str, str], HTTP1Pool]
    keeper: AsyncGenerator[None]


async def _answered(
    pool: HTTP1Pool, request: HTTPRequest, head: bytes, deadlines: Deadlines, now: float
) -> HTTP1Body:
    """Send a request and return its answer, whose head is here."""
    until, late = head_timeout(deadlines, now)
    failure: GemstreamError = late
    if until is None or now < until:  # what is late already is not sent
        try:
            async with asyncio.timeout_at(until):
                connection = await pool.connection(deadlines.connect)
                body = connection.send(request.method, head, request.body)
                await body.head()
                return body
        except TimeoutError as error:
            if isinstance(error, GemstreamError):
                raise
    # Out here it has no context.
    raise failure


def _require_library() -> None:
    try:
        import httptools  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "HTTP1Transport needs httptools, which is not installed: pip install 'gemstream[relay]'"
        ) from error


async def _keep(pools: dict[tuple[str, str], HTTP1Pool]) -> AsyncGenerator[None]:
    """Close ``pools`` when dropped, and when their loop ends as ``asyncio.run`` ends it."""
    try:
        yield
    finally:
        while pools:
            await pools.popitem()[1].aclose("the client was closed")
