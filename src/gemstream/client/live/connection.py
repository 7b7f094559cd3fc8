"""One connection of a Live session: set up, then messages out and events in."""

from __future__ import annotations

import asyncio

from ...errors import FirstChunkTimeout, GemstreamError, StreamTimeout
from ...net.timer import StreamTimer, total_timeout
from ...net.transport import Deadlines
from ...net.web_socket import Close, WebSocket
from ...policy.live.protocol import CLIENT, LiveProtocol
from ...policy.live.reconnection import closed_error
from ...policy.live.server_event import Closed, ServerEvent, SetupCompleted
from ...policy.redaction import Redact, redacted
from ...wire.live.client_message import ClientMessage
from ...wire.live.setup import LiveSetup
from .observation import LiveObservation

__all__ = ("LiveConnection",)

_NORMAL, _PROTOCOL_ERROR = 1000, 1002  # RFC 6455 §7.4.1
# Pongs of a healthy service were seen to take 8 to 30 s; ours go out every 20.
_LIFELESS = 60.0


class LiveConnection:
    """A WebSocket and the protocol's view of it.

    ``patience``: for how many seconds a reader waits while an answer is due; None for no limit.
    ``observation``: of the session, where its messages are counted.
    """

    __slots__ = (
        "_is_waiting",
        "_late",
        "_now",
        "_observation",
        "_redact",
        "_socket",
        "_tally",
        "_timer",
        "protocol",
    )

    def __init__(
        self,
        socket: WebSocket,
        redact: Redact,
        patience: float | None,
        observation: LiveObservation,
        *,
        is_constrained: bool,
    ) -> None:
        self._socket = socket
        self._redact = redact
        self._observation = observation
        self._tally = observation.tally
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
                    events += self._events_of(await self._socket.receive())
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
        await self.transmit(self.encode(message))

    def encode(self, message: ClientMessage) -> bytes:
        """Return the payload of a message that is sent now; raises what the protocol does."""
        payload = self.protocol.send(message)
        self._observation.sent(message)
        if self._is_waiting:
            self._watch()
        return payload

    async def transmit(self, payload: bytes) -> None:
        """Send a payload; raises StreamInterrupted, cancelling does not take it back."""
        await self._socket.send(payload, is_text=True)
        self._tally.messages_sent += 1
        self._tally.bytes_sent += len(payload)

    def is_lifeless(self, now: float) -> bool:
        """True when an answer is due and nothing was heard for a minute, not even a pong."""
        since = self._timer.waiting_since
        return since is not None and now - max(since, self._socket.heard_at) >= _LIFELESS

    async def receive(self) -> list[ServerEvent]:
        """Return the events of the next message; the last of all is Closed.

        Raises IdleTimeout when its patience is over, and what the protocol raises; the connection
        is over then. Cancelling loses nothing.
        """
        self._is_waiting = True
        self._watch()
        try:
            return self._events_of(await self._socket.receive())
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

    def _events_of(self, payload: bytes | Close) -> list[ServerEvent]:
        if not isinstance(payload, Close):
            self._tally.messages_received += 1
            self._tally.bytes_received += len(payload)
            return self.protocol.receive(payload)
        failure = self._late or self.protocol.failure  # what we closed it for
        if failure is not None:
            raise failure
        reason = self._redact(payload.reason.encode()).decode("utf-8", "replace")
        return list(self.protocol.receive_close(payload.code, reason))

    def _watch(self) -> None:
        """Count the wait from now, unless it counts already or nothing is due."""
        if self.protocol.awaits_model:
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
