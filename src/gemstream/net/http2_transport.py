"""The second transport: HTTP/2 over h2 (extra ``http2``), HTTP/1.1 where that is not spoken.

Promises: each DATA frame reaches the caller at once; closing, cancelling and timeouts reset the
one stream within a millisecond, before its head as well as after, while the connection and its
other streams live on. Refuses: redirects (a key must not follow one), cookies, packed bodies.

A request that the server certifies it has not begun (REFUSED_STREAM, or beyond a GOAWAY's last
stream; RFC 9113, 8.7) is sent again, at most twice.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import warnings
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from ..errors import (
    ConfigError,
    GemstreamError,
    InvalidState,
    ProtocolError,
    StreamTimeout,
)
from .aiohttp_transport import AiohttpTransport
from .coding import check_coding
from .http2_dial import Dial
from .http2_errors import check_url, connect_timeout, never_begun
from .http2_head import request_head
from .http2_pool import HTTP2Pool, Opened
from .http2_stream import HTTP2Stream, NotBegun
from .proxy import environment_proxy, origin
from .timer import StreamTimer, head_timeout
from .transport import Deadlines, Exchange, HTTPRequest, check_has_no_stream

__all__ = ("HTTP2Transport",)

_MOST_TRIES = 3


class HTTP2Transport:
    """Opens exchanges as streams of one connection per host, HTTP/2 by ALPN.

    Over ``https://`` a server that does not offer HTTP/2 is spoken to in HTTP/1.1, by an
    AiohttpTransport; over ``http://`` every server is, unless ``prior_knowledge`` says that it
    speaks HTTP/2 there. ``ca_file``: a PEM file of certificates trusted besides the system's;
    ``SSL_CERT_FILE`` names one that is trusted instead. ``trust_env``: honour the proxies of the
    environment as the default transport does; one that is reached by ``https://`` with HTTP/1.1.

    Raises ConfigError without the extra ``http2`` and for a ``ca_file`` that cannot be used.
    """

    def __init__(
        self,
        *,
        ca_file: str | os.PathLike[str] | None = None,
        prior_knowledge: bool = False,
        trust_env: bool = True,
    ) -> None:
        _require_library()
        self._certificates = None if ca_file is None else _certificates(Path(ca_file))
        self._tls: ssl.SSLContext | None = None
        self._prior_knowledge = prior_knowledge
        self._trust_env = trust_env
        self._http1: AiohttpTransport | None = None
        self._pools: dict[asyncio.AbstractEventLoop, _Pools] = {}
        self._proxies: dict[tuple[str, str], str | None] = {}
        self._closed = False

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> Exchange:
        """Send ``request`` and return its exchange; see ``Transport.open``."""
        if self._closed:
            raise InvalidState("the transport is closed; make a new client")
        check_url(request.url)
        check_has_no_stream(request, "HTTP2Transport")
        pool = await self._pool(request.url)
        if pool is None or not pool.speaks_http2:
            return await self._over_http1().open(request, deadlines)
        now = asyncio.get_running_loop().time()
        stream = await _opened(pool, request, deadlines, now)
        if stream is None:
            return await self._over_http1().open(request, deadlines)
        return _unpacked(_HTTP2Exchange(stream, deadlines, now))

    async def aclose(self) -> None:
        """Close the connections of this event loop; those of others close with their loops."""
        self._closed = True
        pools, self._pools = self._pools, {}
        if here := pools.get(asyncio.get_running_loop()):
            await here.keeper.aclose()
        if self._http1 is not None:
            await self._http1.aclose()

    def __del__(self) -> None:
        if any(pools.of for pools in getattr(self, "_pools", {}).values()):
            warnings.warn("a gemstream client was not closed", ResourceWarning, stacklevel=1)

    async def _pool(self, url: str) -> HTTP2Pool | None:
        """Return the connections to the host of ``url``, None for one without HTTP/2."""
        at = origin(url)
        proxy = self._proxy_for(at)
        is_plain = at[0] == "http"
        if (is_plain and not self._prior_knowledge) or (proxy or "").startswith("https:"):
            return None
        pools = (await self._here()).of
        if at not in pools:
            parts = urlsplit(url)
            tls = None if is_plain else self._context()
            dial = Dial(parts.scheme, parts.hostname or "", parts.port, tls, proxy)
            pools[at] = HTTP2Pool(dial.connect)
        return pools[at]

    async def _here(self) -> _Pools:
        loop = asyncio.get_running_loop()
        pools = self._pools.get(loop)
        if pools is None:
            for finished in [at for at in list(self._pools) if at.is_closed()]:
                self._pools.pop(finished, None)
            of: dict[tuple[str, str], HTTP2Pool] = {}
            pools = self._pools[loop] = _Pools(of, _keep(of))
            await anext(pools.keeper)
        return pools

    def _proxy_for(self, at: tuple[str, str]) -> str | None:
        if self._trust_env and at not in self._proxies:
            self._proxies[at] = environment_proxy(*at)
        return self._proxies.get(at)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = _new_context(self._certificates, "h2", "http/1.1")
        return self._tls

    def _over_http1(self) -> AiohttpTransport:
        if self._http1 is None:
            own = self._certificates
            tls = None if own is None else _new_context(own, "http/1.1")
            self._http1 = AiohttpTransport(ssl=tls, trust_env=self._trust_env)
        return self._http1


class _Pools(NamedTuple):
    """The connections of one event loop by origin, and what closes them."""

    of: dict[tuple[str, str], HTTP2Pool]
    keeper: AsyncGenerator[None]


async def _opened(
    pool: HTTP2Pool, request: HTTPRequest, deadlines: Deadlines, now: float
) -> Opened | None:
    """Return a stream whose head is here, None where HTTP/2 is not spoken."""
    head = request_head(request)
    until, late = head_timeout(deadlines, now)
    failure: GemstreamError = late
    opened: Opened | None = None
    try:
        async with asyncio.timeout_at(until):
            for _ in range(_MOST_TRIES):
                opened = await _sent(pool, head, request.body, deadlines.connect)
                if opened is None or await _has_head(opened.stream):
                    return opened
            failure = never_begun()
    except TimeoutError as error:
        if isinstance(error, GemstreamError):
            raise
        if opened is not None:
            opened.connection.doubt()
    # Out here it has no context.
    raise failure


async def _sent(
    pool: HTTP2Pool, head: list[tuple[str, str]], body: bytes, seconds: float | None
) -> Opened | None:
    try:
        async with asyncio.timeout(seconds):
            return await pool.send(head, body)
    except TimeoutError:
        pass
    raise connect_timeout(seconds)


async def _has_head(stream: HTTP2Stream) -> bool:
    """Wait for the head; False for a request that was certainly not begun."""
    try:
        await stream.head()
    except NotBegun:
        return False
    except asyncio.CancelledError:
        stream.abort()
        raise
    return True


class _HTTP2Exchange:
    """A stream whose head is here, under its deadlines."""

    __slots__ = ("__weakref__", "_connection", "_stream", "_time", "_timer")

    def __init__(self, opened: Opened, deadlines: Deadlines, since: float) -> None:
        self._connection, self._stream = opened
        self._time = asyncio.get_running_loop().time
        self._timer = StreamTimer(deadlines, since, self._expire)

    @property
    def status(self) -> int:
        return self._stream.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._stream.headers

    async def receive(self) -> bytes:
        timer = self._timer
        if self._stream.is_waiting:
            timer.waiting_since = self._time()
        try:
            data = await self._stream.read()
        except GemstreamError:
            timer.cancel()
            raise
        timer.waiting_since = None
        if not data:
            timer.cancel()
        return data

    def began(self) -> None:
        self._timer.began()

    def abort(self) -> None:
        self._timer.cancel()
        self._stream.abort()

    async def aclose(self) -> None:
        self.abort()

    def _expire(self, error: StreamTimeout) -> None:
        if not self._stream.has_ended:  # an answer that is all here is not late any more
            self._stream.abort(error)
            self._connection.doubt()


def _unpacked(exchange: _HTTP2Exchange) -> _HTTP2Exchange:
    try:
        check_coding(exchange.headers, "HTTP2Transport")
    except ProtocolError:
        exchange.abort()
        raise
    return exchange


def _require_library() -> None:
    try:
        import h2  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "HTTP2Transport needs h2, which is not installed: pip install 'gemstream[http2]'"
        ) from error


def _certificates(path: Path) -> str:
    """Return the certificates of a file; raises ConfigError where there are none."""
    try:
        content = path.read_text("ascii", "ignore")  # what is not, is a comment
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content)
    except (ssl.SSLError, ValueError):
        raise ConfigError(f"ca_file {str(path)!r} holds no certificate in PEM form") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"ca_file {str(path)!r} cannot be read: {reason}") from None
    return content


def _new_context(certificates: str | None, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if certificates is not None:
        context.load_verify_locations(cadata=certificates)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


async def _keep(pools: dict[tuple[str, str], HTTP2Pool]) -> AsyncGenerator[None]:
    """Close ``pools`` when dropped, and when their loop ends as ``asyncio.run`` ends it."""
    try:
        yield
    finally:
        while pools:
            await pools.popitem()[1].aclose("the client was closed")
