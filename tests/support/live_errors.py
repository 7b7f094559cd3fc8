"""Each way in which a Live session fails, provoked: by the emulator, or by bytes on a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from gemstream import AsyncClient, RetryPolicy, Timeouts
from gemstream.emulator import Close, Cut, Emulator, Garbage, Rule, Script, Stall, Status
from gemstream.emulator.scripts.steps import Step
from support.clock import in_no_time
from support.emulated import async_client
from support.peers import Handler, full_listener, raw_server, read_head
from support.raw_socket import frame, read_frame, shake_hands
from support.servers import free_port
from support.service import KEY

__all__ = ("LIVE_PROVOCATIONS",)

MODEL = "gemini-3.8-live"
TURN = "bidiGenerateContent"
_ONCE = RetryPolicy(attempts=1)


async def _converse(client: AsyncClient, **options: Any) -> str:
    given: dict[str, Any] = {"response_modalities": ["TEXT"], **options}
    async with client, client.live(MODEL, **given) as session:
        return (await session.send_text("Hi")).text


def _met(*steps: Step, at: str = TURN, **options: Any) -> Callable[[], object]:
    """Talk with an emulator that takes these steps, on a clock that never waits."""
    emulator = Emulator(Script([Rule(method=at, steps=steps)]))
    return lambda: in_no_time(_converse(async_client(emulator), **options))


def _opened(url: str, **options: Any) -> None:
    asyncio.run(_converse(AsyncClient(KEY, base_url=url, retry=_ONCE, **options)))


def _to_a_full_listener() -> None:
    with full_listener() as url:
        _opened(url, timeouts=Timeouts(connect=0.05))


def _served(handler: Handler) -> Callable[[], None]:
    """Talk with a server of bytes."""

    async def scene() -> None:
        async with raw_server(handler) as url:
            await _converse(AsyncClient(KEY, base_url=url, retry=_ONCE))

    return lambda: asyncio.run(scene())


def _writes(answer: bytes) -> Callable[[], None]:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        await writer.drain()

    return _served(handler)


async def _breaks_the_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await shake_hands(reader, writer)
    await read_frame(reader)
    writer.write(frame(b"{}", 3))  # RFC 6455 §5.2: reserved
    await reader.read()


async def _generate(client: AsyncClient) -> object:
    return await client.generate("Hi", model=MODEL)


def _asked(*steps: Step) -> Callable[[], object]:
    """Ask for one answer of the model, for which a session is opened."""
    emulator = Emulator(Script([Rule(method=TURN, steps=steps)]))
    return lambda: in_no_time(_generate(async_client(emulator)))


_PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
_OTHER = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_HANDSHAKE, _SETUP = f"{TURN}/handshake", f"{TURN}/setup"

LIVE_PROVOCATIONS: Mapping[str, Callable[[], object]] = {
    "WebSocketConnection": lambda: _opened(f"http://127.0.0.1:{free_port()}"),
    "WebSocketConnection, in time": _to_a_full_listener,
    "WebSocketConnection, broken": _writes(b""),
    "WebSocketHandshake": _met(Status(code=403), at=_HANDSHAKE),
    "WebSocketHandshake, a bad key": _met(Status(code=401), at=_HANDSHAKE),
    "WebSocketHandshake, too many": _met(Status(code=429), at=_HANDSHAKE),
    "WebSocketHandshake, a page": _writes(_PAGE),
    "WebSocketHandshake, another protocol": _writes(_OTHER),
    "WebSocketHandshake, the setup": _met(Close(code=1007, reason="no such voice"), at=_SETUP),
    "WebSocketHandshake, no answer": _met(Stall(), at=_SETUP, timeouts=Timeouts(first_chunk=5)),
    "InvalidServerMessage": _met(Garbage(text="<html>")),
    "InvalidServerMessage, out of order": _met(Garbage(text='{"setupComplete": {}}')),
    "InvalidServerMessage, no frames": _served(_breaks_the_frames),
    "InvalidServerMessage, an error": _met(Garbage(text='{"error": {"code": 429}}')),
    "ServerDisconnect": _met(Close(code=1011, reason="unavailable"), reconnect=False),
    "ServerDisconnect, for good": _met(Close(code=1008, reason="not allowed")),
    "ServerDisconnect, normal": _met(Close(code=1000)),
    "ServerDisconnect, in an answer": _met("half an ans", Cut()),
    "ServerDisconnect, silent": _met("half an ans", Stall(), timeouts=Timeouts(idle=5)),
    "ServerDisconnect, of generate": _asked(Close(code=1011, reason="unavailable")),
}
