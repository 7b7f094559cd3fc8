"""The frames of one Live session over ASGI: messages in the order the protocol saw them.

Strategy. What is to be sent passes the protocol and enters a queue in one step, so that what the
protocol believes was said is what goes out, whoever is cancelled meanwhile; one task writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...errors import DecodeError, ProtocolError
from ...policy.live.client_event import ClientEvent
from ...policy.live.protocol import MAX_MESSAGE_SIZE, SERVER, LiveProtocol
from ...wire.live.server_message import ServerMessage
from ..exchange import Left, Receive, Send
from .ending import SessionEnd
from .wire_access import WireAccess

__all__ = ("Gate", "LiveConnection")

Gate = Callable[["bytes | str"], "bytes | str"]
"""What a client said → what the session is to hear; raises SessionEnd."""

_NORMAL = 1000
_UNTOLD = 1005  # the client closed without a code


class LiveConnection:
    """One WebSocket; ``bytes`` counts what was sent, ``left_with`` how the client left.

    ``wire`` is what is below it, ``opened_at`` the clock's time when it was accepted. ``handled``:
    the newest message of the client whose events were all dealt with, the first after the setup
    being 1. ``gate`` sees each message first: it may change it or raise SessionEnd. ``on_left`` is
    called as soon as the client has left.
    """

    __slots__ = (
        "_outgoing",
        "_receive",
        "_received",
        "_send",
        "bytes",
        "gate",
        "handled",
        "left_with",
        "on_left",
        "opened_at",
        "protocol",
        "wire",
    )

    def __init__(
        self, receive: Receive, send: Send, wire: WireAccess, on_left: Callable[[], None]
    ) -> None:
        self._receive = receive
        self._send = send
        self._outgoing: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._received = -1  # the setup is none of them
        self.protocol = LiveProtocol(SERVER)
        self.wire = wire
        self.on_left = on_left
        self.opened_at = 0.0
        self.gate: Gate | None = None
        self.handled = 0
        self.bytes = 0
        self.left_with: int | None = None

    async def accept(self, now: float) -> None:
        """Let the client in at ``now``; raises Left when it is gone."""
        self.opened_at = now
        await self._emit({"type": "websocket.accept"})

    async def events(self) -> list[ClientEvent]:
        """Return what the next message means; raises Left at the end, SessionEnd for garbage.

        To be asked for the next one when all is done about this one.
        """
        self.handled = max(self._received, 0)
        frame = await self._receive()
        if frame["type"] == "websocket.disconnect":
            self.left_with = frame.get("code", _UNTOLD)
            self.on_left()
            self.protocol.receive_close(self.left_with, frame.get("reason") or "")
            raise Left
        self._received += 1
        payload = frame.get("bytes")
        if payload is None:
            payload = frame.get("text", "")
        if len(payload) > MAX_MESSAGE_SIZE:
            raise SessionEnd(1009, f"a message has at most {MAX_MESSAGE_SIZE} bytes")
        if self.gate is not None:
            payload = self.gate(payload)
        try:
            return self.protocol.receive(payload)
        except DecodeError as error:
            raise SessionEnd(1007, f"Invalid JSON payload received. {error}") from None
        except ProtocolError as error:
            why = str(error).removeprefix("the other end broke the order of the session: ")
            raise SessionEnd(1007, f"Request contains an invalid argument: {why}") from None

    def post(self, message: ServerMessage) -> int:
        """Have ``message`` sent and return its size; raises what the protocol does."""
        payload = self.protocol.send(message)
        self._outgoing.put_nowait(payload)
        self.bytes += len(payload)
        return len(payload)

    def post_raw(self, payload: bytes | str) -> None:
        """Have a frame sent that the protocol knows nothing of: text as text, bytes as binary."""
        self._outgoing.put_nowait(payload)
        self.bytes += len(payload)

    async def flushed(self) -> None:
        """Wait until all that was posted is written; safe to cancel."""
        await self._outgoing.join()

    async def write_all(self) -> None:
        """Write what is posted until cancelled; raises Left when the client is gone."""
        while True:
            payload = await self._outgoing.get()
            kind = "text" if isinstance(payload, str) else "bytes"
            await self._emit({"type": "websocket.send", kind: payload})
            self._outgoing.task_done()

    async def close(self, code: int, reason: str) -> None:
        """Close from this side; raises Left when the client was faster."""
        self.protocol.receive_close(code, reason)
        await self._emit({"type": "websocket.close", "code": code, "reason": reason})

    @property
    def was_left_well(self) -> bool:
        """True when the client said good-bye."""
        return self.left_with == _NORMAL

    async def _emit(self, event: dict[str, object]) -> None:
        try:
            await self._send(event)
        except OSError:  # how a server says that the client has left (ASGI 2.4, "Disconnected")
            raise Left from None
