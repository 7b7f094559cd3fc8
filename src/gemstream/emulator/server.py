"""The emulator on a real socket, under uvicorn.

uvicorn, httptools and websockets come with the extra ``gemstream[emulator]`` and are imported on
first use.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from ..errors import ConfigError
from .app import Emulator
from .authority import LocalAuthority
from .exchange import Cut
from .live.wire_access import TRANSPORT
from .tcp.fault_proxy import chaos
from .tcp.toxics import Toxic

__all__ = ("DEFAULT_PORT", "serve", "serving")

DEFAULT_PORT = 8089
_BACKLOG = 2048
# Answers are interrupted before the server stops, so there is nothing to wait long for.
_FAREWELL_SECONDS = 2
_PING_SECONDS = 20.0


def serve(
    emulator: Emulator,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    tls: LocalAuthority | None = None,
    toxics: Sequence[Toxic] = (),
    seed: int = 0,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM; blocks.

    ``announce`` is called with the base URL once the port listens; port 0 takes a free one.
    ``tls``: see ``serving``. ``toxics`` stand before it on the port, see ``chaos``; ``seed`` is
    theirs. Raises ConfigError when the port cannot be had or uvicorn is not installed.
    """
    server = serving(emulator, host, port, tls=tls)
    if toxics:
        server = _behind_toxics(emulator, host, port, tls, toxics, seed)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_until_stopped(server, announce))


@asynccontextmanager
async def serving(
    emulator: Emulator, host: str = "127.0.0.1", port: int = 0, *, tls: LocalAuthority | None = None
) -> AsyncIterator[str]:
    """Serve inside the block and give the base URL; at its end running answers are broken off.

    ``tls`` signs the certificate that is shown; None speaks plain HTTP. Raises ConfigError when the
    port cannot be had or uvicorn is not installed.
    """
    uvicorn = _import_uvicorn()
    context = None if tls is None else tls.server_context(host)
    listener = _listen(host, port)
    try:
        server = _server(uvicorn, emulator, context)
        await server.startup(sockets=[listener])
        ticking = asyncio.create_task(server.main_loop(), name="emulator server")
        try:
            yield _url_of(listener, "http" if tls is None else "https")
        finally:
            ticking.cancel()
            emulator.interrupt()
            await server.shutdown(sockets=[listener])
    finally:
        listener.close()


@asynccontextmanager
async def _behind_toxics(
    emulator: Emulator,
    host: str,
    port: int,
    tls: LocalAuthority | None,
    toxics: Sequence[Toxic],
    seed: int,
) -> AsyncIterator[str]:
    sleep = emulator.clock.sleep
    async with (
        serving(emulator, tls=tls) as hidden,
        chaos(hidden, *toxics, host=host, port=port, seed=seed, sleep=sleep) as url,
    ):
        yield url


async def _serve_until_stopped(
    server: AbstractAsyncContextManager[str], announce: Callable[[str], None] | None
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not on Windows and not in another thread than the main one: Ctrl-C then cancels us.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stopped.set)
    async with server as url:
        if announce is not None:
            announce(url)
        await stopped.wait()


def _server(uvicorn: Any, emulator: Emulator, tls: ssl.SSLContext | None) -> Any:
    config = uvicorn.Config(
        emulator,
        http="httptools",
        ws=_websocket_class(),
        # Pings that nobody is held to: a Live client may answer late, as the service itself does
        # (its pongs took 8 to 30 s), and a session that lives must not be closed for it.
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=None,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,  # the emulator sends the service's own
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,
    )
    config.load()
    config.ssl = tls  # uvicorn by itself takes certificates from files only
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    log = logging.getLogger("uvicorn.error")
    log.removeFilter(_is_no_cut)
    log.addFilter(_is_no_cut)
    return server


def _websocket_class() -> Any:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    class WebSocketWithTransport(WebSocketsSansIOProtocol):
        """Lets the emulator break frames, which no ASGI message says."""

        async def run_asgi(self) -> None:
            extensions: dict[str, Any] = {**self.scope["extensions"], TRANSPORT: self.transport}
            self.scope["extensions"] = extensions
            await super().run_asgi()

    return WebSocketWithTransport


def _is_no_cut(record: logging.LogRecord) -> bool:
    """Keep cut connections out of uvicorn's log: they are what the script asked for."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, Cut)


def _import_uvicorn() -> Any:
    try:
        import httptools  # noqa: F401
        import uvicorn
        import websockets  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"the emulator's server needs {error.name}: pip install 'gemstream[emulator]'"
        ) from error
    return uvicorn


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # no wheel for this platform; asyncio's own loop does
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:  # some resolvers take a larger one and cut it
        raise ConfigError(f"the emulator cannot listen on port {port}: ports end at 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"the emulator cannot listen on {host}:{port}: {reason}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"the emulator cannot listen on {host}:{port}: {error.strerror}; "
            "choose another port, or 0 for a free one"
        ) from error
    return listener


def _url_of(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
