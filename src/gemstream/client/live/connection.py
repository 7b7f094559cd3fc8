"""One connection of a Live session: opened and set up, then messages out and events in."""

from __future__ import annotations

import asyncio

from ...config.timeouts import Timeouts
from ...errors import (
    APIError,
    ConfigError,
    FirstChunkTimeout,
    GemstreamError,
    StreamTimeout,
)
from ...net.timer import StreamTimer, total_timeout
from ...net.transport import Deadlines, HTTPRequest
from ...net.web_socket import Close, Refusal, SocketTransport, WebSocket
from ...policy.limit.tokens import Tokens
from ...policy.live.protocol import CLIENT, MAX_MESSAGE_SIZE, LiveProtocol
from ...policy.live.reconnection import closed_error
from ...policy.live.server_event import Closed, ServerEvent, SetupCompleted
from ...policy.redaction import Redact, redacted
from ...wire.live.address import TOKEN_VERSION, LiveService, live_url
from ...wire.live.auth_token import TOKEN_PREFIX
from ...wire.live.client_message import ClientMessage
from ...wire.live.setup import LiveSetup
from ...wire.status import decode_error
from ..call import Admit, Call, freely
from ..hints import hint_for
from ..service import Attempt, Service

__all__ = ("LiveConnection", "open_connection")

_NORMAL, _PROTOCOL_ERROR = 1000, 1002  # RFC 6455 §7.4.1


async def open_connection(
    service: Service, setup: LiveSetup, timeouts: Timeouts, admit: Admit = freely
) -> tuple[LiveConnection, list[ServerEvent]]:
    """Return a connection that is set up, and what came beside the setup's completion.

    Failures that pass are tried again as the retry policy says, each try when ``admit`` lets it
    through. Raises what ``live`` tells. Cancelling leaves nothing open.
    """
    transport = service.transport
    if not isinstance(transport, SocketTransport):
        raise ConfigError(
            f"{type(transport).__name__} opens no WebSockets, which Live sessions need; use a "
            "client with the default transport"
        )

    async def once(attempt: Attempt) -> tuple[LiveConnection, list[ServerEvent]]:
        opened_at = asyncio.get_running_loop().time()
        connection = await _dial(service, transport, attempt, timeouts.idle)
        try:
            events = await connection.set_up(setup, attempt.deadlines, opened_at)
        except BaseException:
            connection.abort()
            raise
        attempt.admission.ended(Tokens())
        return connection, events

    url = service.settings.base_url
    call = Call(method="GET", url=url, body=b"", timeouts=timeouts, admit=admit)
    opened, _ = await service.attempts(once, call)
    return opened


async def _dial(
    service: Service, transport: SocketTransport, attempt: Attempt, patience: float | None
) -> LiveConnection:
    headers = await service.headers(attempt)
    headers.pop("x-server-timeout", None)  # a session has no end that we could foretell
    token = headers.get("x-goog-api-key", "")
    is_constrained = token.startswith(TOKEN_PREFIX)
    if is_constrained:
        del headers["x-goog-api-key"]
        headers["authorization"] = f"Token {token}"
    url = _url(service, is_constrained=is_constrained)
    opened = await transport.open_socket(
        HTTPRequest("GET", url, headers), attempt.deadlines, max_message_size=MAX_MESSAGE_SIZE
    )
    redact = service.credentials.redact
    if isinstance(opened, Refusal):
        raise _refused(opened, redact)
    attempt.admission.began()
    return LiveConnection(opened, redact, patience, is_constrained=is_constrained)


def _url(service: Service, *, is_constrained: bool) -> str:
    settings = service.settings
    if service.is_vertex:
        return live_url(settings.base_url, settings.api_version, LiveService.VERTEX)
    if is_constrained:
        return live_url(settings.base_url, TOKEN_VERSION, LiveService.CONSTRAINED)
    return live_url(settings.base_url, settings.api_version)


def _refused(refusal: Refusal, redact: Redact) -> APIError:
    error = decode_error(redact(refusal.body), http_status=refusal.status)
    after = refusal.headers.get("retry-after", "")
    if error.retry_delay is None and after.isascii() and after.isdigit():
        error.retry_delay = float(after)
    error.hint = hint_for(error)
    return error


class LiveConnection:
    """A WebSocket and the protocol's view of it.

    ``patience``: for how many seconds a reader waits while an answer is due; None for no limit.
    """

    __slots__ = ("_is_waiting", "_late", "_now", "_redact", "_socket", "_timer", "protocol")

    def __init__(
        self, socket: WebSocket, redact: Redact, patience: float | None, *, is_constrained: bool
    ) -> None:
        self._socket = socket
        self._redact = redact
        self.protocol = LiveProtocol(CLIENT, is_constrained=is_constrained)
        self._now = asyncio.get_running_loop().time
        self._is_waiting = False
        self._late: StreamTimeout | None = None
        self._timer = StreamTimer(Deadlines(idle=patience), self._now(), self._expire)
        self._timer.began()  # the setup has a timeout of its own

    async def set_up(
        self, setup: LiveSetup, deadlines: Deadlines, opened_at: float
    ) -> list[ServerEvent]:
        """Send the setup, and return what came beside its completion."""
        until, late = _setup_timeout(deadlines, opened_at)
        limit = asyncio.timeout_at(until)
        try:
            async with limit:
                await self.send(ClientMessage(setup=setup))
                events: list[ServerEvent] = []
                while not any(isinstance(event, SetupCompleted) for event in events):
                    events += await self._received()
                    _check_open(events)
        except TimeoutError:
            if not limit.expired():
                raise
            raise late from None
        except GemstreamError as error:
            raise redacted(error, self._redact) from None
        return [event for event in events if not isinstance(event, SetupCompleted)]

    async def send(self, message: ClientMessage) -> None:
        """Send a message that may be sent now; once it waits it is on its way."""
        payload = self.protocol.send(message)
        if self._is_waiting:
            self._watch()
        await self._socket.send(payload, is_text=True)

    async def receive(self) -> list[ServerEvent]:
        """Return the events of the next message; the last of all is Closed.

        Raises IdleTimeout when its patience is over, and what the protocol raises; the connection
        is over then. Cancelling loses nothing.
        """
        self._is_waiting = True
        self._watch()
        try:
            return await self._received()
        except StreamTimeout:
            raise
        except GemstreamError as error:
            await self.close(_PROTOCOL_ERROR)
            raise redacted(error, self._redact) from None
        finally:
            self._is_waiting = False
            self._timer.waiting_since = None

    async def close(self, code: int = _NORMAL) -> None:
        """Say farewell and be gone, within a bounded moment; cancelling breaks it off."""
        self._timer.cancel()
        await self._socket.close(code)

    def abort(self) -> None:
        """Break the connection off."""
        self._timer.cancel()
        self._socket.abort()

    async def _received(self) -> list[ServerEvent]:
        payload = await self._socket.receive()
        if not isinstance(payload, Close):
            return self.protocol.receive(payload)
        failure = self._late or self.protocol.failure  # what we closed it for
        if failure is not None:
            raise failure
        reason = self._redact(payload.reason.encode()).decode("utf-8", "replace")
        return list(self.protocol.receive_close(payload.code, reason))

    def _watch(self) -> None:
        """Count the wait from now, unless it counts already or nothing is due."""
        protocol = self.protocol
        if protocol.is_in_turn and not protocol.open_calls:
            if self._timer.waiting_since is None:
                self._timer.waiting_since = self._now()
        else:
            self._timer.waiting_since = None

    def _expire(self, error: StreamTimeout) -> None:
        self._late = error
        self.abort()


def _setup_timeout(deadlines: Deadlines, opened_at: float) -> tuple[float | None, StreamTimeout]:
    """Return until when the setup may take, and the error after that."""
    seconds, total = deadlines.first_chunk, deadlines.total
    if seconds is not None and (total is None or opened_at + seconds < total):
        return opened_at + seconds, FirstChunkTimeout(
            f"the service did not complete the setup within {seconds:g} s; try again, or raise "
            "timeouts.first_chunk",
            timeout=seconds,
        )
    return total, total_timeout(deadlines)


def _check_open(events: list[ServerEvent]) -> None:
    for event in events:
        if isinstance(event, Closed):
            raise closed_error(event)
