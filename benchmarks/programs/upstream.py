"""A fast stand-in for the Gemini API, so that what is measured is the client.

It speaks just enough HTTP/1.1: a POST whose path holds ``stream`` gets server-sent events, one
write each, and any other gets one JSON answer. With ``--hold`` every chunk begins with the
prompt's text, and a stream stops half-way until ``POST /release``. With ``--stamp`` every chunk
begins with the nanoseconds of CLOCK_MONOTONIC at which it was sent. A prompt that says
``chunks=5 delay=0.002`` gets that, through whatever relay. To a client that begins so it speaks
HTTP/2, and streams only.

Prints its port once it listens, and ends when its standard input does, so that it cannot outlive
the run it belongs to.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from typing import Any

import httptools
import uvloop

from .http2_connection import PREFACE, HTTP2Connection
from .process import raise_file_limit

__all__ = ("Script", "Upstream", "main")

_WORDS = 12
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_ASKED = re.compile(rb"chunks=(\d+) delay=([\d.]+)")
_END = b"0\r\n\r\n"
_RELEASED = b"HTTP/1.1 204 No Content\r\n\r\n"


class Script:
    """What every stream of this upstream consists of."""

    def __init__(
        self, *, chunks: int, delay: float, unknown_field: bool, hold: bool, stamp: bool = False
    ) -> None:
        self.chunks = chunks
        self.delay = delay
        self.hold = hold
        self.stamp = stamp
        self._unknown_field = unknown_field
        self._asked: dict[bytes, Script] = {}
        self._events = [_event(self._chunk("", index)) for index in range(chunks)]

    @property
    def whole(self) -> bytes:
        """The answer to a request that does not stream."""
        body = json.dumps(self._chunk("", self.chunks - 1)).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        return head % len(body) + body

    def asked_by(self, request: bytes) -> Script:
        """Return this script, in the length and pace that a request with this body asks for."""
        asked = _ASKED.search(request)
        if asked is None:
            return self
        if asked[0] not in self._asked:
            self._asked[asked[0]] = Script(
                chunks=int(asked[1]),
                delay=float(asked[2]),
                unknown_field=self._unknown_field,
                hold=self.hold,
                stamp=self.stamp,
            )
        return self._asked[asked[0]]

    def label_for(self, request: bytes) -> str:
        """Return what the chunks that answer a request with this body begin with."""
        if not self.hold:
            return ""
        return str(json.loads(request)["contents"][0]["parts"][0]["text"]) + " "

    def event(self, index: int, label: str = "") -> bytes:
        """Return a server-sent event, made in advance unless it is to be told from others."""
        if self.stamp:
            label = f"{time.monotonic_ns()} "
        return _event(self._chunk(label, index)) if label else self._events[index]

    def _chunk(self, label: str, index: int) -> dict[str, Any]:
        candidate: dict[str, Any] = {
            "content": {
                "parts": [{"text": f"{label}{index} " + "lorem ipsum " * (_WORDS // 2)}],
                "role": "model",
            },
            "index": 0,
        }
        if index == self.chunks - 1:
            candidate["finishReason"] = "STOP"
        if self._unknown_field:
            candidate["novelty"] = 0.5
        tokens = (index + 1) * _WORDS
        return {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": 11,
                "candidatesTokenCount": tokens,
                "totalTokenCount": 11 + tokens,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}],
            },
            "modelVersion": "gemini-2.5-flash",
            "responseId": "r-1",
        }


class Upstream:
    """The script, and the gate at which held streams wait."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._released = asyncio.Event()

    async def stream(self, transport: asyncio.Transport, request: bytes) -> None:
        """Write one answer, chunk by chunk."""
        script = self.script.asked_by(request)
        label = script.label_for(request)
        released, half = self._released, script.chunks // 2
        transport.write(_HEAD)
        for index in range(script.chunks):
            if transport.is_closing():
                return
            if script.hold and index == half:
                await released.wait()
            transport.write(_http_chunk(script.event(index, label)))
            if script.delay:
                await asyncio.sleep(script.delay)
        transport.write(_END)

    def release(self) -> None:
        """Let the streams that are held go on; later ones are held again."""
        self._released.set()
        self._released = asyncio.Event()


class _Connection(asyncio.Protocol):
    """One connection of a client; the parser calls the ``on_`` methods."""

    def __init__(self, upstream: Upstream, tasks: set[asyncio.Task[None]]) -> None:
        self._upstream = upstream
        self._tasks = tasks
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []
        self._http2: HTTP2Connection | None = None

    def connection_made(self, transport: Any) -> None:  # uvloop's are not asyncio's by type
        self._transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(PREFACE):
            script = self._upstream.script
            self._http2 = HTTP2Connection(self._transport, script)
        if self._http2 is not None:
            self._http2.receive_data(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        url, body = self._url, b"".join(self._body)
        self._url, self._body = b"", []
        if b"release" in url:
            self._upstream.release()
            self._transport.write(_RELEASED)
        elif b"stream" in url:
            task = asyncio.create_task(self._upstream.stream(self._transport, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._transport.write(self._upstream.script.whole)


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\r\n\r\n"


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _serve(script: Script) -> None:
    loop = asyncio.get_running_loop()
    upstream = Upstream(script)
    tasks: set[asyncio.Task[None]] = set()
    server = await loop.create_server(
        lambda: _Connection(upstream, tasks), "127.0.0.1", 0, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="benchmarks.programs.upstream")
    parser.add_argument("--chunks", type=int, default=200)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between chunks")
    parser.add_argument("--unknown-field", action="store_true")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--stamp", action="store_true")
    raise_file_limit()
    uvloop.run(_serve(Script(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
