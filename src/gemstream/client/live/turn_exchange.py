"""One turn of a Live session as an exchange: what ``generate`` reads is what REST would have sent.

Promises: the timeouts, the ends and the errors are those of a streamed answer over HTTP; nothing is
read before somebody waits; however it ends, the connection is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ...errors import APIError, GemstreamError, StreamInterrupted, StreamTimeout
from ...net.timer import StreamTimer
from ...net.transport import Deadlines
from ...net.web_socket import Close, WebSocket
from ...policy.live.close_error import close_error, is_clean
from ...policy.live.protocol import CLIENT, LiveProtocol
from ...policy.live.server_event import Closed, ServerEvent, SetupCompleted
from ...policy.live.single_turn import SingleTurn
from ...policy.live.turn_chunks import TurnChunks
from ...wire.codec import encode
from ...wire.live.client_message import ClientMessage
from ...wire.response import GenerateContentResponse
from ...wire.status import encode_error

__all__ = ("RefusedTurn", "TurnExchange")

_EVENTS: Mapping[str, str] = {"content-type": "text/event-stream"}
_JSON: Mapping[str, str] = {"content-type": "application/json"}


class TurnExchange:
    """The answer of one session to its only turn, as server-sent events; see ``Exchange``."""

    status = 200
    headers = _EVENTS

    __slots__ = (
        "_chunks",
        "_is_ended",
        "_late",
        "_loss",
        "_now",
        "_protocol",
        "_socket",
        "_timer",
    )

    def __init__(
        self,
        socket: WebSocket,
        deadlines: Deadlines,
        opened: float,
        *,
        output_limit: int | None,
        is_constrained: bool,
    ) -> None:
        self._socket = socket
        self._protocol = LiveProtocol(CLIENT, is_constrained=is_constrained)
        self._chunks = TurnChunks(output_limit)
        self._is_ended = False  # and nothing more is read
        self._loss: GemstreamError | None = None  # of the connection, with the answer here
        self._late: StreamTimeout | None = None
        self._now = asyncio.get_running_loop().time
        self._timer = StreamTimer(deadlines, opened, self._expire)

    async def ask(self, turn: SingleTurn) -> None:
        """Set the session up and ask; raises what ``receive`` raises.

        Cancelled or failed, the exchange can only be closed.
        """
        await self._send(ClientMessage(setup=turn.setup))
        while not self._is_ended:
            if any(isinstance(event, SetupCompleted) for event in await self._events()):
                break
        for message in turn.messages:
            if not self._is_ended:
                await self._send(message)

    async def receive(self) -> bytes:
        """Return the next chunk; ``b""`` at the turn's end, after a farewell of bounded length.

        Raises the timeouts, StreamInterrupted, and APIError, ProtocolError, DecodeError as the
        service ends or breaks the session.
        """
        chunks = self._chunks
        while not (self._is_ended or chunks.is_over):
            chunk = chunks.receive(await self._rest())
            if chunk is not None:
                self._timer.began()  # an unstreamed call has said so before anything came
                return _event(chunk)
        if chunks.is_generated and not chunks.is_over:
            return _event(chunks.end())
        self._timer.cancel()
        if self._loss is not None:
            raise self._loss
        await self._socket.close()
        return b""

    def began(self) -> None:
        """Do nothing: the first chunk says so itself."""

    def abort(self) -> None:
        """Break the session off; harmless when it has ended."""
        self._timer.cancel()
        self._socket.abort()

    async def aclose(self) -> None:
        """Break the session off."""
        self.abort()

    async def _send(self, message: ClientMessage) -> None:
        payload = self._protocol.send(message)
        self._timer.waiting_since = self._now()
        try:
            await self._socket.send(payload, is_text=True)
        except StreamInterrupted:
            await self._events()  # which may tell how it ended
            if not self._is_ended:
                raise
        finally:
            self._timer.waiting_since = None

    async def _rest(self) -> Sequence[ServerEvent]:
        """Return what the next message means; how an answer was lost that is here comes after it.

        When all is generated, a turn whose end stays out for too long has ended all the same.
        """
        try:
            return await self._events()
        except GemstreamError as error:
            if not self._chunks.is_generated:
                raise
            self._is_ended = True
            self._loss = None if error is self._late else error
            return ()

    async def _events(self) -> Sequence[ServerEvent]:
        """Return what the next message means, nothing at a clean end; raises any other end."""
        self._timer.waiting_since = self._now()
        payload = await self._socket.receive()
        self._timer.waiting_since = None
        if not isinstance(payload, Close):
            return self._protocol.receive(payload)
        if self._late is not None:
            raise self._late
        *_, closed = self._protocol.receive_close(payload.code, payload.reason)
        assert isinstance(closed, Closed), "the last event of a connection is its end"
        if not is_clean(closed):
            raise close_error(closed)
        self._is_ended = True
        return ()

    def _expire(self, error: StreamTimeout) -> None:
        self._late = error
        self._socket.abort()


def _event(chunk: GenerateContentResponse) -> bytes:
    return b"data: " + encode(chunk) + b"\r\n\r\n"


class RefusedTurn:
    """A session that did not come about, as the HTTP answer that tells why; see ``Exchange``."""

    __slots__ = ("_body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    @classmethod
    def of(cls, error: APIError) -> RefusedTurn:
        """Return the answer in which REST would have told ``error``."""
        return cls(error.code, _JSON, encode_error(error))

    async def receive(self) -> bytes:
        """Return the body, then its end."""
        body, self._body = self._body, b""
        return body

    def began(self) -> None:
        """Do nothing: nothing is waited for."""

    def abort(self) -> None:
        """Do nothing: no connection is open."""

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""
