"""The service's side of a Live session, played by a few lines: an ASGI application.

A part is a coroutine that has a ``Stage``: what it expects and what it says. It stands on the
server's half of the protocol, so that a test cannot say what the service could not; ``raw`` says
that too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gemstream import AsyncClient
from gemstream.net.asgi import ASGITransport
from gemstream.policy.live.client_event import ClientEvent
from gemstream.policy.live.protocol import SERVER, LiveProtocol
from gemstream.wire.live.server_message import ServerMessage
from support.live import SET_UP
from support.peers import Receive, Send
from support.service import AT_ONCE, KEY

__all__ = ("MODEL", "LiveService", "Part", "Stage", "client_of")

MODEL = "gemini-3.8-live"
Part = Callable[["Stage"], Awaitable[None]]


class Left(Exception):
    """The client is gone, which ends the part."""


class Stage:
    """One connection, as the service sees it."""

    def __init__(self, receive: Receive, send: Send, *, is_constrained: bool = False) -> None:
        self._receive = receive
        self._send = send
        self.protocol = LiveProtocol(SERVER, is_constrained=is_constrained)
        self.heard: list[ClientEvent] = []

    async def hear(self) -> ClientEvent:
        """Return what the client's next message means; raises Left when it has gone."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Left(message.get("code"))
        [event] = self.protocol.receive(message["text"])
        self.heard.append(event)
        return event

    async def say(self, *messages: ServerMessage) -> None:
        """Send messages in binary frames, as the service does."""
        for message in messages:
            await self.raw(self.protocol.send(message))

    async def raw(self, payload: bytes | str) -> None:
        """Send any payload."""
        kind = "text" if isinstance(payload, str) else "bytes"
        await self._send({"type": "websocket.send", kind: payload})

    async def set_up(self) -> None:
        """Take the setup and accept it."""
        await self.hear()
        await self.say(SET_UP)

    async def close(self, code: int, reason: str = "") -> None:
        """Close the connection."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


class LiveService:
    """Plays one part on each connection, the last on all further ones.

    ``scopes`` and ``heard`` tell what came, ``left`` how.
    """

    def __init__(self, *parts: Part, sets_up: bool = True) -> None:
        self._parts = parts
        self._sets_up = sets_up
        self.scopes: list[dict[str, Any]] = []
        self.stages: list[Stage] = []
        self.left: list[int] = []

    @property
    def heard(self) -> list[ClientEvent]:
        """What the client of the newest connection said, the setup first."""
        return self.stages[-1].heard

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        stage = Stage(receive, send, is_constrained=scope["path"].endswith("Constrained"))
        part = self._parts[min(len(self.stages), len(self._parts) - 1)]
        self.stages.append(stage)
        await receive()
        await send({"type": "websocket.accept"})
        try:
            if self._sets_up:
                await stage.set_up()
            await part(stage)
            while True:
                await stage.hear()
        except Left as left:
            self.left.append(left.args[0])


def client_of(application: Any, **options: Any) -> AsyncClient:
    """Return a client of the service in process."""
    options = {"retry": AT_ONCE, "api_key": KEY, "base_url": "http://live", **options}
    return AsyncClient(transport=ASGITransport(application), **options)
