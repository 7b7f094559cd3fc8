"""Opens a Live session where a request of generateContent asks a model that has no other way."""

from __future__ import annotations

import asyncio

from ...errors import APIError, ConfigError
from ...net.transport import Deadlines, Exchange, HTTPRequest
from ...net.web_socket import Refusal, SocketTransport, WebSocket
from ...policy.live.protocol import MAX_MESSAGE_SIZE
from ...policy.live.single_turn import SingleTurn, single_turn
from ...wire.endpoint import EXPRESS
from ..service import Service
from .handshake import handshake, is_constrained
from .turn_exchange import RefusedTurn, TurnExchange

__all__ = ("TurnOpener",)


class TurnOpener:
    """Takes the place of a transport for one model: request in, exchange out.

    ``model``: a resource name. ``can_write`` and ``answers_content``: see ``single_turn``.
    """

    __slots__ = ("_answers_content", "_can_write", "_model", "_service")

    def __init__(
        self, service: Service, model: str, *, can_write: bool, answers_content: bool
    ) -> None:
        parent = service.settings.parent
        self._service = service
        self._model = f"{parent}/{model}" if parent and parent != EXPRESS else model
        self._can_write = can_write
        self._answers_content = answers_content

    def turn(self, body: bytes) -> SingleTurn:
        """Return the session that asks what ``body`` does; raises InvalidRequest when none can."""
        return single_turn(
            body,
            model=self._model,
            can_write=self._can_write,
            answers_content=self._answers_content,
        )

    async def open(self, request: HTTPRequest, deadlines: Deadlines) -> Exchange:
        """Open a session, ask in it, and return its answer as that to ``request``.

        Raises what ``Transport.open`` raises, and ConfigError when the transport opens no
        WebSockets. Cancelling closes the connection.
        """
        transport = self._service.transport
        if not isinstance(transport, SocketTransport):
            raise ConfigError(
                f"{type(transport).__name__} opens no WebSockets, which {self._model} is asked "
                "over; use a client with the default transport, or another model"
            )
        turn = self.turn(request.body)
        opened = asyncio.get_running_loop().time()
        shaken = handshake(self._service.settings, request.headers)
        socket = await transport.open_socket(shaken, deadlines, max_message_size=MAX_MESSAGE_SIZE)
        if isinstance(socket, Refusal):
            return RefusedTurn(socket.status, socket.headers, socket.body)
        return await self._asked(turn, socket, request, deadlines, opened)

    async def _asked(
        self,
        turn: SingleTurn,
        socket: WebSocket,
        request: HTTPRequest,
        deadlines: Deadlines,
        opened: float,
    ) -> Exchange:
        config = turn.setup.generation_config
        exchange = TurnExchange(
            socket,
            deadlines,
            opened,
            output_limit=config.max_output_tokens if config else None,
            is_constrained=is_constrained(request.headers),
        )
        try:
            await exchange.ask(turn)
        except APIError as error:
            exchange.abort()
            return RefusedTurn.of(error)
        except BaseException:
            exchange.abort()
            raise
        return exchange
