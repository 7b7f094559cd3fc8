"""The second transport: HTTP/2 over pyqwest (extra ``http2``), HTTP/1.1 where that is not spoken.

Promises: each DATA frame reaches the caller at once; closing, cancelling and timeouts reset the
one stream within a millisecond, before its head as well as after, while the connection and its
other streams live on. Refuses: redirects (a key must not follow one), cookies, packed bodies.

A request that the server certifies it has not begun (REFUSED_STREAM, or beyond a GOAWAY's last
stream; RFC 9113, 8.7) is sent again by the library, at most twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import (
    ConfigError,
    GemstreamError,
    InvalidState,
    ProtocolError,
    StreamInterrupted,
    StreamTimeout,
)
from .coding import check_coding
from .http2_errors import check_url, translate
from .proxy import environment_proxy, origin
from .timer import StreamTimer, head_timeout
from .transport import Deadlines, HTTPRequest

if TYPE_CHECKING:
    import pyqwest

__all__ = ("HTTP2Transport",)

# The library reads the environment for itself unless it is given a proxy; this one is for nobody.
_NOBODY = "*,0.0.0.0/0,::/0"

# Per event loop. A program has one, or two with a proxy; one that computes its connect timeout for
# each call must not gather connections without end.
_MOST_ROUTES = 8

_WORKERS = "TOKIO_WORKER_THREADS"

# The process in which the library started its threads: they do not survive a fork.
_started_in: list[int] = []


class HTTP2Transport:
    """Opens exchanges as streams of one connection per host, HTTP/2 by ALPN.

    Over ``https://`` a server that does not offer HTTP/2 is spoken to in HTTP/1.1, with a
    connection for each exchange; over ``http://`` every server is, unless ``prior_knowledge`` says
    that it speaks HTTP/2 there. ``ca_file``: a PEM file of certificates trusted besides the
    system's; ``SSL_CERT_FILE`` names one that is trusted instead. ``trust_env``: honour the proxies
    of the environment as the default transport does.

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
        self._prior_knowledge = prior_knowledge
        self._trust_env = trust_env
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._proxies: dict[tuple[str, str], str | None] = {}
        self._closed = False

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> _HTTP2Exchange:
        """Send ``request`` and return its exchange; see ``Transport.open``."""
        import pyqwest

        route = self._route(request.url, deadlines)
        pool = await self._pool()
        opened = asyncio.get_running_loop().time()
        until, late = head_timeout(deadlines, opened)
        failure: GemstreamError
        try:
            library = pool.library(route, self._certificates)
            async with asyncio.timeout_at(until):
                response = await pool.opened(library.execute(_native(request)))
        except TimeoutError as error:
            is_theirs = isinstance(error, pyqwest.ConnectTimeout)
            failure = translate(error, deadlines) if is_theirs else late
        except Exception as error:
            failure = translate(error, deadlines)
        else:
            exchange = _HTTP2Exchange(response, deadlines, opened)
            pool.exchanges.add(exchange)
            return _unpacked(exchange)
        # Out here it has no context: nothing of the library travels with our error.
        raise failure

    async def aclose(self) -> None:
        """Close the connections of this event loop; those of others close with their loops."""
        self._closed = True
        pools, self._pools = self._pools, {}
        if here := pools.get(asyncio.get_running_loop()):
            here.interrupt()
            await here.keeper.aclose()

    def __del__(self) -> None:
        if any(pool.libraries for pool in getattr(self, "_pools", {}).values()):
            warnings.warn("a gemstream client was not closed", ResourceWarning, stacklevel=1)

    async def _pool(self) -> _Pool:
        if self._closed:
            raise InvalidState("the transport is closed; make a new client")
        _refuse_fork()
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            for finished in [at for at in list(self._pools) if at.is_closed()]:
                self._pools.pop(finished, None)
            libraries: dict[_Route, pyqwest.HTTPTransport] = {}
            pool = self._pools[loop] = _Pool(libraries, _keep(libraries), weakref.WeakSet(), set())
            await anext(pool.keeper)
        return pool

    def _route(self, url: str, deadlines: Deadlines) -> _Route:
        check_url(url)
        at = origin(url)
        if self._trust_env and at not in self._proxies:
            self._proxies[at] = environment_proxy(*at)
        is_prior = self._prior_knowledge and at[0] == "http"
        return _Route(self._proxies.get(at), deadlines.connect, is_prior)


class _Route(NamedTuple):
    """What the library wants to know once for all requests, and we know for each."""

    proxy: str | None
    connect: float | None
    prior_knowledge: bool


class _Pool(NamedTuple):
    """The connections of one event loop, and what closes them."""

    libraries: dict[_Route, pyqwest.HTTPTransport]
    keeper: AsyncGenerator[None]
    exchanges: weakref.WeakSet[_HTTP2Exchange]
    openings: set[asyncio.Future[pyqwest.Response]]

    def library(self, route: _Route, certificates: bytes | None) -> pyqwest.HTTPTransport:
        """Return what goes that way, made once."""
        if route not in self.libraries:
            if len(self.libraries) == _MOST_ROUTES:
                self.libraries.pop(next(iter(self.libraries))).aclose()  # what runs there runs on
            self.libraries[route] = _new_library(route, certificates)
        return self.libraries[route]

    async def opened(self, execution: Awaitable[pyqwest.Response]) -> pyqwest.Response:
        """Return the response of a request that was just sent; raises StreamInterrupted."""
        opening = asyncio.ensure_future(execution)
        self.openings.add(opening)
        try:
            return await opening
        except asyncio.CancelledError:
            if opening not in self.openings:  # cancelled by ``interrupt``, not by its caller
                raise StreamInterrupted("the client was closed") from None
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                opening.result().aclose()  # it came in the same turn of the loop
            raise
        finally:
            self.openings.discard(opening)

    def interrupt(self) -> None:
        """Break off what is under way."""
        for exchange in tuple(self.exchanges):
            exchange.interrupt()
        while self.openings:
            self.openings.pop().cancel()


class _HTTP2Exchange:
    """A response of pyqwest in motion."""

    __slots__ = (
        "__weakref__",
        "_body",
        "_deadlines",
        "_failure",
        "_has_ended",
        "_response",
        "_time",
        "_timer",
        "headers",
        "status",
    )

    def __init__(self, response: pyqwest.Response, deadlines: Deadlines, opened: float) -> None:
        from multidict import CIMultiDict

        self._response = response
        self._body: AsyncIterator[bytes | bytearray | memoryview] = response.content
        self._deadlines = deadlines
        self._failure: GemstreamError | None = None  # ours, for whoever reads on
        self._has_ended = False
        self._time = asyncio.get_running_loop().time
        self._timer = StreamTimer(deadlines, opened, self._expire)
        self.status: int = response.status
        self.headers: Mapping[str, str] = CIMultiDict(response.headers.items())

    async def receive(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._has_ended:
            return b""
        timer = self._timer
        timer.waiting_since = self._time()
        data = await self._read()
        timer.waiting_since = None
        if not data:
            self._has_ended = True
            timer.cancel()
        return data

    async def _read(self) -> bytes:
        """Return the next bytes, ``b""`` at the end: an empty DATA frame is neither."""
        failure: GemstreamError | None = None
        try:
            while not (data := bytes(await anext(self._body))):
                pass
            return data
        except StopAsyncIteration:
            failure = self._failure
        except Exception as error:
            failure = self._failure or translate(error, self._deadlines)
        if failure is None:
            return b""
        self._fail(failure)
        raise failure

    def began(self) -> None:
        self._timer.began()

    def abort(self) -> None:
        self._fail(StreamInterrupted("the exchange was closed"))

    async def aclose(self) -> None:
        self.abort()

    def interrupt(self) -> None:
        """Break the exchange off from this side; its reader is told."""
        self._fail(StreamInterrupted("the client was closed"))

    def _expire(self, error: StreamTimeout) -> None:
        self._fail(error)

    def _fail(self, error: GemstreamError) -> None:
        """Note how the exchange ended, unless it had already, and reset its stream."""
        self._timer.cancel()
        if self._failure is None and not self._has_ended:
            self._failure = error
            self._response.aclose()  # takes effect in the call; a pending read fails


def _native(request: HTTPRequest) -> pyqwest.Request:
    import pyqwest

    headers = pyqwest.Headers()
    for name, value in request.headers.items():
        headers[name] = value  # names that differ in case only are one; the last counts
    return pyqwest.Request(request.method, request.url, headers, request.body or None)


def _new_library(route: _Route, certificates: bytes | None) -> pyqwest.HTTPTransport:
    from pyqwest import HTTPTransport, HTTPVersion, Proxy

    proxy = Proxy(route.proxy) if route.proxy else Proxy("http://127.0.0.1", no_proxy=_NOBODY)
    with _one_worker():
        return HTTPTransport(
            tls_ca_cert=certificates,
            tls_include_system_certs=True,
            http_version=HTTPVersion.HTTP2 if route.prior_knowledge else None,
            proxy=proxy,
            connect_timeout=route.connect,
            use_system_dns=True,  # /etc/hosts and the names of a VPN count here, too
            follow_redirects=False,
            enable_gzip=False,  # nothing packed is asked for, so nothing can unpack to gigabytes
            enable_brotli=False,
            enable_zstd=False,
            enable_otel=False,  # spans are the client's
        )


def _unpacked(exchange: _HTTP2Exchange) -> _HTTP2Exchange:
    try:
        check_coding(exchange.headers, "HTTP2Transport")
    except ProtocolError:
        exchange.abort()
        raise
    return exchange


def _require_library() -> None:
    try:
        import pyqwest  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "HTTP2Transport needs pyqwest, which is not installed: pip install 'gemstream[http2]'"
        ) from error


def _certificates(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"ca_file {str(path)!r} cannot be read: {reason}") from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ConfigError(f"ca_file {str(path)!r} holds no certificate in PEM form")
    return content


@contextlib.contextmanager
def _one_worker() -> Iterator[None]:
    """Have the library start with one thread for its sockets, not one for each core.

    A chunk then passes through fewer threads: 85 µs of CPU against 131 on two cores. It reads the
    variable once, as its first transport is made; one that the user has set is left alone.
    """
    is_ours = not _started_in and _WORKERS not in os.environ
    if not _started_in:
        _started_in.append(os.getpid())
    if is_ours:
        os.environ[_WORKERS] = "1"
    try:
        yield
    finally:
        if is_ours:
            os.environ.pop(_WORKERS, None)


def _refuse_fork() -> None:
    if _started_in and _started_in[0] != os.getpid():
        raise InvalidState(
            "HTTP/2 was used in the process that this one was forked from, and its threads stayed "
            "there; start processes with 'spawn' or 'forkserver', or use the default transport"
        )


async def _keep(libraries: dict[_Route, pyqwest.HTTPTransport]) -> AsyncGenerator[None]:
    """Close ``libraries`` when dropped, and when their loop ends as ``asyncio.run`` ends it."""
    try:
        yield
    finally:
        while libraries:
            await libraries.popitem()[1].aclose()
