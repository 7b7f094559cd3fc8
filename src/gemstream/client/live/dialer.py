"""The way to a connection of a Live session: the handshake, then the setup."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from ...config.timeouts import Timeouts
from ...errors import ConfigError, GemstreamError, ProtocolError
from ...net.web_socket import Refusal, SocketTransport
from ...policy.limit.tokens import Tokens
from ...policy.live.protocol import MAX_MESSAGE_SIZE
from ...policy.live.server_event import ServerEvent
from ...policy.redaction import Redact
from ...wire.live.setup import LiveSetup
from ...wire.status import decode_error
from ..call import Admit, Call, freely
from ..hints import hint_for
from ..service import Attempt, Service, deadlines_of
from .connection import LiveConnection
from .handshake import handshake, is_constrained
from .observation import LiveObservation

__all__ = ("Dialer", "Opened")

Opened: TypeAlias = "tuple[LiveConnection, list[ServerEvent]]"
"""A connection that is set up, and what came beside the setup's completion."""

_REFUSED = 400  # below it an answer is none to a handshake
_EXCERPT = 200


class Dialer:
    """Opens connections of one session within these timeouts."""

    __slots__ = ("_observation", "_service", "_timeouts")

    def __init__(self, service: Service, timeouts: Timeouts, observation: LiveObservation) -> None:
        self._service = service
        self._timeouts = timeouts
        self._observation = observation

    async def open(self, setup: LiveSetup, admit: Admit = freely) -> Opened:
        """Return a connection that is set up.

        Failures that pass are tried again as the retry policy says, each try when ``admit`` lets it
        through. Raises what ``live`` tells. Cancelling leaves nothing open.
        """

        async def once(attempt: Attempt) -> Opened:
            opened_at = asyncio.get_running_loop().time()
            connection = await self._dial(attempt)
            opened = await self._set_up(connection, setup, attempt, opened_at)
            attempt.admission.ended(Tokens())
            return opened

        base_url = self._service.settings.base_url
        call = Call(
            method="GET",
            url=base_url,
            body=b"",
            timeouts=self._timeouts,
            watch=self._observation.tries,
            admit=admit,
        )
        opened, attempts = await self._service.attempts(once, call)
        self._observation.opened(attempts)
        return opened

    async def dial(self) -> LiveConnection:
        """Return a connection that is to be set up; one try."""
        return await self._dial(self._attempt(1))

    async def set_up(
        self, setup: LiveSetup, dialed: LiveConnection | None = None, *, number: int = 1
    ) -> Opened:
        """Set up ``dialed``, or else a connection of its own; one try, the ``number``-th.

        Raises what ``live`` tells. Cancelling leaves nothing open.
        """
        attempt = self._attempt(number)
        opened_at = asyncio.get_running_loop().time()
        connection = await self._dial(attempt) if dialed is None else dialed
        return await self._set_up(connection, setup, attempt, opened_at)

    def _attempt(self, number: int) -> Attempt:
        self._service.check_open()
        now = asyncio.get_running_loop().time()
        return Attempt(number, deadlines_of(self._timeouts, now))

    async def _set_up(
        self, connection: LiveConnection, setup: LiveSetup, attempt: Attempt, opened_at: float
    ) -> Opened:
        try:
            with self._observation.counting():
                return connection, await connection.set_up(setup, attempt.deadlines, opened_at)
        except BaseException:
            connection.abort()
            raise

    async def _dial(self, attempt: Attempt) -> LiveConnection:
        with self._observation.counting():
            return await self._dialed(attempt)

    async def _dialed(self, attempt: Attempt) -> LiveConnection:
        service, transport = self._service, self._service.transport
        if not isinstance(transport, SocketTransport):
            raise ConfigError(
                f"{type(transport).__name__} opens no WebSockets, which Live sessions need; use a "
                "client with the default transport"
            )
        headers = await service.headers(attempt)
        opened = await transport.open_socket(
            handshake(service.settings, headers),
            attempt.deadlines,
            max_message_size=MAX_MESSAGE_SIZE,
        )
        redact = service.credentials.redact
        if isinstance(opened, Refusal):
            raise _refused(opened, redact)
        attempt.admission.began()
        return LiveConnection(
            opened,
            redact,
            self._timeouts.idle,
            self._observation,
            is_constrained=is_constrained(headers),
        )


def _refused(refusal: Refusal, redact: Redact) -> GemstreamError:
    if refusal.status < _REFUSED:
        return ProtocolError(
            f"the service answered the WebSocket handshake with HTTP {refusal.status} in the place "
            "of 101; is base_url right, and does the proxy let WebSockets through?",
            excerpt=redact(refusal.body[:_EXCERPT]),
        )
    error = decode_error(redact(refusal.body), http_status=refusal.status)
    after = refusal.headers.get("retry-after", "")
    if error.retry_delay is None and after.isascii() and after.isdigit():
        error.retry_delay = float(after)
    error.hint = hint_for(error)
    return error
