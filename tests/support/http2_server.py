"""An ASGI server over HTTP/2 that tells an application everything, and does what it is told.

Kept servers hide what is tested here: hypercorn does not reset a stream whose application stopped
inside its body, and none sends GOAWAY on request. ``scope["peer"]`` is the connection, for that,
and ``scope["stream"]`` the number of the stream. Beside ASGI's messages an application may send
``http.response.informational`` with a status, and, in place of the last of its body,
``http.response.trailers``.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from .peers import App, stop_accepting

__all__ = ("Authority", "Peer", "http2_server")


class Authority:
    """A certificate authority that nobody trusts but a test."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def write(self, path: Any) -> None:
        """Write its certificate to a file."""
        self._ca.cert_pem.write_to_path(str(path))

    def context(self, *protocols: str) -> ssl.SSLContext:
        """Return the context of a server on this machine that offers ``protocols``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        context.set_alpn_protocols(list(protocols))
        return context


@contextlib.asynccontextmanager
async def http2_server(
    app: App,
    *,
    tls: ssl.SSLContext | None = None,
    max_streams: int = 100,
    peers: list[Peer] | None = None,
) -> AsyncIterator[str]:
    """Serve ``app`` and give its URL; every connection is added to ``peers``."""
    peers = [] if peers is None else peers

    def accept() -> Peer:
        peers.append(Peer(app, tls, max_streams))
        return peers[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        await stop_accepting(server)
        server.close()
        for peer in peers:
            await peer.aclose()
        await server.wait_closed()


class Peer(asyncio.Protocol):
    """The server's end of a connection; ``resets`` are the error codes the client gave up with."""

    def __init__(self, app: App, tls: ssl.SSLContext | None, max_streams: int) -> None:
        self._app = app
        self._tls = tls
        self._has_begun = False
        self._early = b""  # what came before our side of the handshake was told that it is over
        self._http2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._max_streams = max_streams
        self._streams: dict[int, _Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()
        self._last_stream = 2**31 - 1
        self._is_silent = False
        self.requests = 0
        self.resets: list[int] = []

    @property
    def is_lost(self) -> bool:
        """True once the connection is gone."""
        return self._lost.is_set()

    async def lost(self) -> None:
        """Wait until the connection is gone."""
        await self._lost.wait()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport
        if self._tls is None:
            self._begin()
        else:
            self._start(self._secure(self._tls), "TLS handshake")

    async def _secure(self, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(self._transport, self, tls, server_side=True)
        except BaseException as error:
            self.connection_lost(None)
            if isinstance(error, OSError):  # the client trusts us not, or left
                return
            raise
        assert secured is not None
        self._transport = secured
        self._begin()

    def _begin(self) -> None:
        # Not by assignment, which holds only from the client's acknowledgement on.
        limits = {SettingCodes.MAX_CONCURRENT_STREAMS: self._max_streams}
        self._http2.local_settings = Settings(client=False, initial_values=limits)
        self._http2.initiate_connection()
        self._has_begun = True
        self._receive_early()

    def _receive_early(self) -> None:
        data, self._early = self._early, b""
        for event in self._http2.receive_data(data):
            self._receive(event)
        self._flush()

    def connection_lost(self, _: Exception | None) -> None:
        self._lost.set()
        self._writable.set()
        for stream in self._streams.values():
            stream.leave()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._is_silent:
            return
        self._early += data
        if self._has_begun:
            self._receive_early()

    def go_away(self, *, last_stream: int) -> None:
        """Say that streams above ``last_stream`` were not begun, and that no more will be."""
        self._http2.close_connection(last_stream_id=last_stream)
        self._flush()

    def reset(self, stream: int, code: int) -> None:
        """Reset a stream; what its application sends later goes nowhere."""
        self._streams[stream].leave()
        self._http2.reset_stream(stream, code)
        self._flush()

    def fall_silent(self) -> None:
        """Take in nothing more and say nothing more, as behind a NAT that has forgotten."""
        self._is_silent = True

    def announce_end(self) -> None:
        """Say that no more streams are taken, and end those that are here."""
        self._last_stream = self._http2.highest_inbound_stream_id
        self._transport.write(GoAwayFrame(0, last_stream_id=self._last_stream).serialize())

    def kill(self) -> None:
        """End the connection as a process that dies does."""
        self._transport.abort()

    async def aclose(self) -> None:
        """End the connection and what is still running for it."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.kill()
        await self._lost.wait()

    def _receive(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(number)) if number > self._last_stream:
                pass  # it was under way when the end was announced, and is not begun
            case RequestReceived(stream_id=int(number), headers=list(headers)):
                self.requests += 1
                stream = self._streams[number] = _Stream()
                self._start(self._run(number, stream, headers), f"stream {number}")
            case DataReceived(stream_id=int(number), data=data):
                self._http2.acknowledge_received_data(event.flow_controlled_length or 0, number)
                self._stream(number).body.put_nowait((data or b"", True))
            case StreamEnded(stream_id=int(number)):
                self._stream(number).body.put_nowait((b"", False))
            case StreamReset(stream_id=int(number), error_code=code):
                self.resets.append(int(code or 0))
                self._stream(number).leave()
            case WindowUpdated():
                for stream in self._streams.values():
                    stream.may_send.set()

    def _stream(self, number: int) -> _Stream:
        """Return a stream, or one that nobody looks at where its application is through."""
        return self._streams.get(number) or _Stream()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, number: int, stream: _Stream, headers: list[Any]) -> None:
        try:
            send = self._sender(number, stream)
            await self._app(_scope(headers, number, self), stream.receive, send)
        except ConnectionError:
            pass  # the client left while the application was sending
        except Exception:
            stream.is_complete = False
        finally:
            if not stream.is_complete and not stream.gone.is_set() and not self.is_lost:
                self._http2.reset_stream(number, ErrorCodes.INTERNAL_ERROR)
                self._flush()
            del self._streams[number]

    def _sender(self, number: int, stream: _Stream) -> Any:
        async def send(message: dict[str, Any]) -> None:
            self._check(stream)
            headers = message.get("headers", ())
            if message["type"] in ("http.response.start", "http.response.informational"):
                status = (b":status", str(message["status"]).encode())
                self._http2.send_headers(number, [status, *headers])
                self._flush()
                return
            if message["type"] == "http.response.trailers":
                stream.is_complete = True
                self._http2.send_headers(number, headers, end_stream=True)
                self._flush()
                return
            stream.is_complete = not message.get("more_body", False)
            await self._send_body(number, stream, message.get("body", b""))

        return send

    async def _send_body(self, number: int, stream: _Stream, body: bytes) -> None:
        """Send as much at a time as the client's windows and the socket allow."""
        while True:
            await self._writable.wait()
            self._check(stream)
            room = min(
                self._http2.local_flow_control_window(number), self._http2.max_outbound_frame_size
            )
            if body and not room:
                stream.may_send.clear()
                await stream.may_send.wait()
                continue
            piece, body = body[:room], body[room:]
            self._http2.send_data(number, piece, end_stream=stream.is_complete and not body)
            self._flush()
            if not body:
                return

    def _check(self, stream: _Stream) -> None:
        if stream.gone.is_set() or self.is_lost:
            raise ConnectionError("the client left")

    def _flush(self) -> None:
        data = self._http2.data_to_send()
        if not self._is_silent:
            self._transport.write(data)


class _Stream:
    """What of a stream outlives one frame."""

    def __init__(self) -> None:
        self.body: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.may_send = asyncio.Event()
        self.is_complete = False

    async def receive(self) -> dict[str, Any]:
        if self.body.empty() and self.gone.is_set():
            return {"type": "http.disconnect"}
        body, more = await self.body.get()
        if more is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": more}

    def leave(self) -> None:
        self.gone.set()
        self.may_send.set()
        self.body.put_nowait((b"", None))  # type: ignore[arg-type]  # the end of all messages


def _scope(headers: list[tuple[bytes, bytes]], number: int, peer: Peer) -> dict[str, Any]:
    path, _, query = dict(headers)[b":path"].partition(b"?")
    return {
        "type": "http",
        "http_version": "2",
        "method": dict(headers)[b":method"].decode(),
        "path": path.decode(),
        "query_string": query,
        "headers": [(name, value) for name, value in headers if not name.startswith(b":")],
        "peer": peer,
        "stream": number,
    }
