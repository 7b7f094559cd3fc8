"""A raw client of Live sessions: what an application sees that speaks the wire by itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

__all__ = ("MODEL", "PATH", "TEXT", "LiveClient", "live", "said")

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
MODEL = "models/gemini-3.8-live"
TEXT = {"generationConfig": {"responseModalities": ["TEXT"]}}


class LiveClient:
    """One WebSocket; ``frames`` are the messages of the service so far."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []

    async def send(self, **message: Any) -> None:
        """Send one message in a text frame."""
        await self.socket.send_str(json.dumps(message))

    async def setup(self, model: str = MODEL, **setup: Any) -> dict[str, Any]:
        """Set the session up and return the service's first message."""
        await self.send(setup={"model": model, **setup})
        return await self.next()

    async def ask(self, text: str, *, turn_complete: bool = True) -> None:
        """Say ``text`` as the user."""
        turns = [{"role": "user", "parts": [{"text": text}]}]
        await self.send(clientContent={"turns": turns, "turnComplete": turn_complete})

    async def next(self) -> dict[str, Any]:
        """Return the next message, which the service sends as a binary frame."""
        frame = await self.socket.receive()
        assert frame.type is aiohttp.WSMsgType.BINARY, frame
        message: dict[str, Any] = json.loads(frame.data)
        self.frames.append(message)
        return message

    async def until(self, *path: str) -> list[dict[str, Any]]:
        """Return the messages up to the first that has a value at ``path``."""
        seen = []
        while True:
            seen.append(await self.next())
            if _value(seen[-1], path) is not None:
                return seen

    async def turn(self) -> list[dict[str, Any]]:
        """Return the messages of the turn up to its end."""
        return await self.until("serverContent", "turnComplete")

    async def closed(self) -> tuple[int | None, str]:
        """Return code and reason of the close that comes next, other messages left out."""
        while True:
            frame = await self.socket.receive()
            if frame.type is not aiohttp.WSMsgType.BINARY:
                return self.socket.close_code, frame.extra or ""


@asynccontextmanager
async def live(
    url: str, path: str = PATH, *, key: str | None = "k", **options: Any
) -> AsyncIterator[LiveClient]:
    """Open a WebSocket on the emulator at ``url``."""
    headers = {} if key is None else {"x-goog-api-key": key}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(url + path, **options) as socket,
    ):
        yield LiveClient(socket)


def said(messages: list[dict[str, Any]]) -> str:
    """Return the text of the model in ``messages``."""
    turns = [_value(one, ("serverContent", "modelTurn")) or {} for one in messages]
    return "".join(part.get("text", "") for turn in turns for part in turn.get("parts", ()))


def _value(message: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        message = message.get(key) if isinstance(message, dict) else None
    return message
