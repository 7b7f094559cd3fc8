"""The other end of a connection, as small as a test needs it.

``ASGI`` applications are plain coroutines; ``asgi_server`` puts one behind a real socket, and
``raw_server`` hands every connection to a coroutine that writes whatever bytes it likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import uvicorn

__all__ = (
    "App",
    "Handler",
    "Receive",
    "Send",
    "asgi_server",
    "full_listener",
    "left_behind",
    "raw_server",
    "read_head",
    "reset",
    "respond",
    "stop_accepting",
    "until_gone",
)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def respond(
    send: Send, *pieces: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> None:
    """Answer with ``pieces`` and end cleanly; without pieces only the head goes out."""
    fields = [(k.encode(), v.encode()) for k, v in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    for number, piece in enumerate(pieces, start=1):
        more = number < len(pieces)
        await send({"type": "http.response.body", "body": piece, "more_body": more})


async def until_gone(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


@contextlib.asynccontextmanager
async def asgi_server(app: App) -> AsyncIterator[str]:
    """Serve ``app`` over a loopback socket and give its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="off", log_level="critical", timeout_graceful_shutdown=1, loop="none"
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # Not serve(): it takes over the signals and looks for its end ten times a second.
    await server.startup(sockets=[listener])
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for accepting in server.servers:
            await stop_accepting(accepting)
        await server.shutdown(sockets=[listener])


async def stop_accepting(server: asyncio.Server) -> None:
    """Let nobody in any more, and let who was accepted reach their protocols.

    A client whose sockets live in another thread may connect while its server shuts down, and
    CPython 3.11 loses the socket of a connection that is accepted then.
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    for _ in range(5):  # the task of an accepted socket, its transport, its protocol
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def raw_server(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Give every connection to ``handler`` and give the URL; what it leaves open is closed."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            async with contextlib.aclosing(_Closing(writer)):
                await handler(reader, writer)

    tasks: set[asyncio.Task[None]] = set()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(connected(reader, writer), name="raw connection"))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


class _Closing:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def aclose(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Return the head of a request, its body of ``content-length`` bytes read away."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))
    return head


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection off with an RST instead of a FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.contextmanager
def full_listener() -> Iterator[str]:
    """Give the URL of a listener that lets no further connection in."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # the queue holds one more than its backlog
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def left_behind(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Return the tasks of this loop that were not there ``before``."""
    return asyncio.all_tasks() - before
