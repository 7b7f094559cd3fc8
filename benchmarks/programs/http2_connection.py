"""The upstream's HTTP/2 face, over h2: the same answers, one DATA frame a chunk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamReset

if TYPE_CHECKING:
    from .upstream import Script

__all__ = ("PREFACE", "HTTP2Connection")

PREFACE = b"PRI * HTTP/2.0\r\n"  # how a client that knows of HTTP/2 begins (RFC 9113, 3.4)

_HEAD = [(":status", "200"), ("content-type", "text/event-stream")]


class HTTP2Connection:
    """Answers every request with a stream of what ``script`` says."""

    def __init__(self, transport: asyncio.Transport, script: Script) -> None:
        self._transport = transport
        self._script = script
        self._http2 = H2Connection(H2Configuration(client_side=False))
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._http2.initiate_connection()
        self._flush()

    def receive_data(self, data: bytes) -> None:
        """Take in what the client sent."""
        for event in self._http2.receive_data(data):
            self._receive(event)
        self._flush()

    def _receive(self, event: Any) -> None:
        if isinstance(event, RequestReceived):
            number = event.stream_id
            self._tasks[number] = asyncio.create_task(self._stream(number))
        elif isinstance(event, StreamReset) and (task := self._tasks.pop(event.stream_id, None)):
            task.cancel()

    async def _stream(self, number: int) -> None:
        self._http2.send_headers(number, _HEAD)
        for index in range(self._script.chunks):
            self._http2.send_data(number, self._script.event(index))
            self._flush()
            if self._script.delay:
                await asyncio.sleep(self._script.delay)
        self._http2.end_stream(number)
        self._flush()
        del self._tasks[number]

    def _flush(self) -> None:
        self._transport.write(self._http2.data_to_send())
