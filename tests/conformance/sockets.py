"""What every transport that opens WebSockets must do, over any way to reach an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from conformance.transport import MOMENT
from gemstream.errors import (
    FirstChunkTimeout,
    InvalidState,
    ProtocolError,
    StreamInterrupted,
    TotalTimeout,
)
from gemstream.net.transport import Deadlines, HTTPRequest
from gemstream.net.web_socket import Close, Refusal, SocketTransport, WebSocket
from support.peers import App, Receive, Send

__all__ = ("SOCKET_CHECKS", "SocketCheck", "SocketReach")

SocketReach = Callable[[App], AbstractAsyncContextManager[tuple[SocketTransport, str]]]
SocketCheck = Callable[[SocketReach], Awaitable[None]]

_LIMIT = 100_000


def _get(url: str, **headers: str) -> HTTPRequest:
    return HTTPRequest("GET", f"ws{url.removeprefix('http')}/ws/a.B?x=1", headers)


async def _dial(
    transport: SocketTransport, url: str, deadlines: Deadlines | None = None, **headers: str
) -> WebSocket | Refusal:
    given = deadlines or Deadlines()
    return await transport.open_socket(_get(url, **headers), given, max_message_size=_LIMIT)


@contextlib.asynccontextmanager
async def _opened(reach: SocketReach, app: App) -> AsyncIterator[WebSocket]:
    async with reach(app) as (transport, url):
        socket = await _dial(transport, url)
        assert isinstance(socket, WebSocket)
        try:
            yield socket
        finally:
            await socket.close()


async def _accepted(receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})


async def _echo(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await _accepted(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


class _Watched:
    """Accepts, then says with which code its client left."""

    def __init__(self) -> None:
        self.left: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await _accepted(receive, send)
        while (message := await receive())["type"] != "websocket.disconnect":
            pass
        self.left.set_result(message["code"])


async def text_and_bytes_pass_both_ways(reach: SocketReach) -> None:
    async with _opened(reach, _echo) as socket:
        for payload, is_text in (("é".encode(), True), (b"\x00\xff", False), (b"x" * 90_000, True)):
            await socket.send(payload, is_text=is_text)
            assert await socket.receive() == payload


async def messages_keep_their_order(reach: SocketReach) -> None:
    async with _opened(reach, _echo) as socket:
        for number in range(100):
            await socket.send(b"%d" % number, is_text=True)
        assert [await socket.receive() for _ in range(100)] == [b"%d" % n for n in range(100)]


async def the_application_sees_the_handshake_as_it_is(reach: SocketReach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await _accepted(receive, send)
        named = [value for name, value in scope["headers"] if name == b"x-a"]
        seen = (scope["type"], scope["path"], scope["query_string"], named)
        await send({"type": "websocket.send", "text": repr(seen)})
        await receive()

    async with reach(app) as (transport, url):
        socket = await _dial(transport, url, **{"X-A": "b"})
        assert isinstance(socket, WebSocket)
        assert await socket.receive() == repr(("websocket", "/ws/a.B", b"x=1", [b"b"])).encode()
        await socket.close()


async def a_refusal_tells_status_headers_and_body(reach: SocketReach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        head = {"type": "websocket.http.response.start", "status": 429}
        await send({**head, "headers": [(b"retry-after", b"7"), (b"content-length", b"4")]})
        await send({"type": "websocket.http.response.body", "body": b"busy"})

    async with reach(app) as (transport, url):
        refusal = await _dial(transport, url)
        assert isinstance(refusal, Refusal)
        assert (refusal.status, refusal.body) == (429, b"busy")
        assert refusal.headers["Retry-AFTER"] == "7"


async def a_redirect_is_a_refusal(reach: SocketReach) -> None:
    paths: list[str] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        headers = [(b"location", b"/elsewhere"), (b"content-length", b"0")]
        head = {"type": "websocket.http.response.start", "status": 307, "headers": headers}
        await send(head)
        await send({"type": "websocket.http.response.body", "body": b""})

    async with reach(app) as (transport, url):
        refusal = await _dial(transport, url)
        assert isinstance(refusal, Refusal)
        assert (refusal.status, paths) == (307, ["/ws/a.B"])


async def closing_before_accepting_refuses(reach: SocketReach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close"})

    async with reach(app) as (transport, url):
        refusal = await _dial(transport, url)
        assert isinstance(refusal, Refusal)
        assert refusal.status == 403


async def their_close_is_the_last_thing_received(reach: SocketReach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await _accepted(receive, send)
        await send({"type": "websocket.send", "text": "a"})
        await send({"type": "websocket.close", "code": 1008, "reason": "no"})

    async with _opened(reach, app) as socket:
        received = [await socket.receive() for _ in range(3)]
        assert received == [b"a", Close(1008, "no"), Close(1008, "no")]
        with pytest.raises(StreamInterrupted):
            await socket.send(b"x", is_text=True)


async def an_application_that_fails_breaks_the_connection(reach: SocketReach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await _accepted(receive, send)
        raise RuntimeError("on purpose")

    async with _opened(reach, app) as socket:
        assert await socket.receive() == Close()


async def our_close_reaches_the_application(reach: SocketReach) -> None:
    app = _Watched()
    async with _opened(reach, app) as socket:
        await socket.close(1001, "enough")
        assert await app.left == 1001
        assert await socket.receive() == Close(1001, "enough")
        await socket.close()
        with pytest.raises(StreamInterrupted):
            await socket.send(b"x", is_text=True)


async def closing_wakes_the_reader(reach: SocketReach) -> None:
    async with _opened(reach, _Watched()) as socket:
        reader = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        await socket.close()
        assert await reader == Close(1000)


async def aborting_wakes_the_reader_and_reaches_the_application(reach: SocketReach) -> None:
    app = _Watched()
    async with _opened(reach, app) as socket:
        reader = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        socket.abort()
        assert await reader == Close()
        assert await app.left in (1005, 1006)
        socket.abort()


async def a_cancelled_read_loses_nothing(reach: SocketReach) -> None:
    async with _opened(reach, _echo) as socket:
        reader = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await socket.send(b"a", is_text=True)
        assert await socket.receive() == b"a"


async def a_message_above_the_limit_ends_the_connection(reach: SocketReach) -> None:
    app = _Watched()

    async def large(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        async def accepted_and_sent(message: dict[str, Any]) -> None:
            await send(message)
            await send({"type": "websocket.send", "bytes": b"x" * (_LIMIT + 1)})

        await app(scope, receive, accepted_and_sent)

    async with _opened(reach, large) as socket:
        for _ in range(2):
            with pytest.raises(ProtocolError, match="max_message_size of 100,000"):
                await socket.receive()
        assert await app.left in (1005, 1006, 1009)


async def a_handshake_that_is_never_answered_times_out(reach: SocketReach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async with reach(app) as (transport, url):
        with pytest.raises(FirstChunkTimeout) as raised:
            await _dial(transport, url, Deadlines(first_chunk=MOMENT))
        assert raised.value.timeout == MOMENT
        now = asyncio.get_running_loop().time()
        with pytest.raises(TotalTimeout):
            await _dial(transport, url, Deadlines(total=now, total_seconds=1.0))


async def a_closed_transport_opens_nothing_and_holds_nothing(reach: SocketReach) -> None:
    app = _Watched()
    async with reach(app) as (transport, url):
        socket = await _dial(transport, url)
        assert isinstance(socket, WebSocket)
        await transport.aclose()  # type: ignore[attr-defined]
        assert await socket.receive() == Close()
        assert await app.left in (1005, 1006)
        with pytest.raises(InvalidState):
            await _dial(transport, url)


SOCKET_CHECKS: tuple[SocketCheck, ...] = (
    text_and_bytes_pass_both_ways,
    messages_keep_their_order,
    the_application_sees_the_handshake_as_it_is,
    a_refusal_tells_status_headers_and_body,
    a_redirect_is_a_refusal,
    closing_before_accepting_refuses,
    their_close_is_the_last_thing_received,
    an_application_that_fails_breaks_the_connection,
    our_close_reaches_the_application,
    closing_wakes_the_reader,
    aborting_wakes_the_reader_and_reaches_the_application,
    a_cancelled_read_loses_nothing,
    a_message_above_the_limit_ends_the_connection,
    a_handshake_that_is_never_answered_times_out,
    a_closed_transport_opens_nothing_and_holds_nothing,
)
