"""A fast stand-in for Live sessions, so that what is measured is the client.

Any WebSocket is a session. The setup is answered, and each turn of the client by ``--messages``
messages of speech, ``--delay`` seconds apart, and the end of the turn: bytes made in advance, in
binary frames, as the service sends them. To a client that sends speech it speaks meanwhile, as
long as the connection lasts: ``--talk`` messages a second, each of which begins with the
nanoseconds of CLOCK_MONOTONIC at which it was sent.

Prints its port once it listens, and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import struct
import sys
import time

import uvloop
from aiohttp import WSMsgType, web

from .process import raise_file_limit

__all__ = ("STAMP", "main")

STAMP = struct.Struct("<q")  # how a message of speech begins that tells when it was sent

_SET_UP = b'{"setupComplete": {}}'
_TURN_END = (
    b'{"serverContent": {"generationComplete": true}}',
    b'{"serverContent": {"turnComplete": true}, "usageMetadata": {"promptTokenCount": 5, '
    b'"responseTokenCount": 9, "totalTokenCount": 14}}',
)
_SPEECH = (
    b'{"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": '
    b'"audio/pcm;rate=24000", "data": "%b"}}]}}}'
)


def _speech(pcm: bytes) -> bytes:
    return _SPEECH % base64.b64encode(pcm)


class _Service:
    def __init__(self, messages: int, size: int, delay: float, talk: float) -> None:
        self._messages = messages
        self._size = size
        self._delay = delay
        self._talk_rate = talk
        self._speech = _speech(os.urandom(size))

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Hold one session."""
        socket = web.WebSocketResponse(compress=False, max_msg_size=0)
        await socket.prepare(request)
        talking: asyncio.Task[None] | None = None
        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            data = message.data if isinstance(message.data, str) else message.data.decode()
            if '"setup"' in data:
                await socket.send_bytes(_SET_UP)
            elif '"clientContent"' in data or '"client_content"' in data:
                await self._answer(socket)
            elif talking is None and self._talk_rate:
                talking = asyncio.create_task(self._talk(socket))
        if talking is not None:
            talking.cancel()
        return socket

    async def _answer(self, socket: web.WebSocketResponse) -> None:
        for _ in range(self._messages):
            await socket.send_bytes(self._speech)
            if self._delay:
                await asyncio.sleep(self._delay)
        for message in _TURN_END:
            await socket.send_bytes(message)

    async def _talk(self, socket: web.WebSocketResponse) -> None:
        rest = bytes(self._size - STAMP.size)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await socket.send_bytes(_speech(STAMP.pack(time.monotonic_ns()) + rest))
            due += 1 / self._talk_rate
            await asyncio.sleep(due - loop.time())


async def _serve(service: _Service) -> None:
    application = web.Application()
    application.router.add_get("/{path:.*}", service.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="benchmarks.programs.live_upstream")
    parser.add_argument("--messages", type=int, default=500, help="of speech in a turn")
    parser.add_argument("--size", type=int, default=1920, help="bytes of PCM in each")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between two")
    parser.add_argument("--talk", type=float, default=0.0, help="messages a second, unasked")
    raise_file_limit()
    uvloop.run(_serve(_Service(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
