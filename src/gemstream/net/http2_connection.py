"""One HTTP/2 connection: between a socket and the streams on it.

Promises: what one read brings wakes each reader once; a stream is reset in the call that leaves it;
of a connection that the server ends, what it has begun is finished. Everything happens in calls of
the event loop: no task runs here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .http2_errors import broken, code_name, interrupted, not_http2
from .http2_protocol import Goodbye, HTTP2Protocol, decode_head
from .http2_stream import HTTP2Stream, NotBegun

if TYPE_CHECKING:
    from h2.events import Event

__all__ = ("HTTP2Connection",)

_IDLE = 60.0  # seconds without a stream; a NAT may forget a silent connection in some minutes
_PING_PATIENCE = 10.0  # seconds for the answer of a server that may be gone
_PING = b"gemstrea"
_REFUSED_STREAM, _CANCEL = 0x7, 0x8  # RFC 9113, 7
_FAREWELL = 1.0  # seconds for what is still to be sent as the connection is closed


class HTTP2Connection(asyncio.Protocol):
    """Sends requests and gives each its stream.

    ``changed`` is called when there may be room for another stream, and when the connection is
    lost. ``most_streams``: how many the server is taken to allow at a time, until it says so.
    ``speaks_http2`` is False where TLS has agreed on something else (ALPN).
    """

    def __init__(self, changed: Callable[[], None], most_streams: int) -> None:
        self._changed = changed
        self._streams: dict[int, HTTP2Stream] = {}
        self._sending: dict[int, HTTP2Stream] = {}  # those whose request is not all sent
        self.most_streams = most_streams
        self._is_paused = False
        self._is_leaving = False  # no more streams are opened
        self._reason = ""  # why the server leaves
        self._timer: asyncio.TimerHandle | None = None  # of an idle connection
        self._doubt: asyncio.TimerHandle | None = None
        self._lost = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._protocol = HTTP2Protocol(self._streams)
        self._http2 = self._protocol.http2
        self._receivers = self._events()
        self.speaks_http2 = True

    @property
    def has_room(self) -> bool:
        """True while another stream may be opened."""
        is_good = not self._is_leaving and self._doubt is None
        return is_good and len(self._streams) < self.most_streams

    @property
    def is_lost(self) -> bool:
        """True once there is no connection any more."""
        return self._lost.is_set()

    # --- what the pool and the streams ask ---------------------------------------------------

    def send(self, head: Sequence[tuple[str, str]], body: bytes) -> HTTP2Stream:
        """Send a request and return its stream; the body follows as the server has room for it.

        Raises ProtocolError of h2 for a head that HTTP/2 cannot carry.
        """
        number = self._http2.get_next_available_stream_id()
        try:
            self._http2.send_headers(number, head, end_stream=not body)
        except Exception:
            self._leave_gently()  # the compression context may have gone apart
            raise
        stream = self._streams[number] = HTTP2Stream(self, number, body)
        self._cancel_timer()
        if number + 2 > self._http2.HIGHEST_ALLOWED_STREAM_ID:
            self._is_leaving = True
        if body:
            self._sending[number] = stream
            self._send_bodies()
        self._flush()
        return stream

    def open_window(self, number: int, size: int) -> None:
        """Let the server send ``size`` bytes more on a stream."""
        if number in self._streams:
            self._http2.increment_flow_control_window(size, number)
            self._flush()

    def leave(self, number: int) -> None:
        """Reset a stream that has not ended, and give its place away."""
        if number in self._streams:
            self._http2.reset_stream(number, _CANCEL)
            self._flush()
            self._forget(number)

    def doubt(self) -> None:
        """Ask whether the server is still there; until it says anything, no stream is opened.

        For when a stream has waited in vain: the next one would wait on a dead connection, too.
        """
        if self._doubt is None and not self.is_lost and not self._is_leaving:
            self._http2.ping(_PING)
            self._flush()
            self._doubt = self._loop.call_later(_PING_PATIENCE, self._give_up)

    def abort(self) -> None:
        """Break the connection off, if there is one."""
        if self._transport is not None:
            self._transport.abort()

    async def aclose(self, reason: str) -> None:
        """End every stream because of ``reason``, and the connection within a second."""
        self._is_leaving = True
        for stream in tuple(self._streams.values()):
            stream.abort(interrupted(reason))
        if self._transport is None or self.is_lost:
            return
        self._say_goodbye()
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._lost.wait()
        except TimeoutError:
            self.abort()

    # --- what the socket says ----------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:  # uvloop's are not asyncio's by type
        """Begin to speak, unless the server's choice was another protocol."""
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self.speaks_http2 = False
            self._is_leaving = True
            transport.close()
            return
        self._protocol.begin()
        self._flush()
        self._set_timer()

    def data_received(self, data: bytes) -> None:
        """Take in what one read brought."""
        if not self.speaks_http2:
            return
        if self._doubt is not None:
            self._cancel_doubt()
        try:
            for number, event in self._protocol.receive_data(data):
                self._receive(event, self._streams.get(number))
        except Exception as error:  # h2's, what it lets through of hpack, and ours
            self._break(self._protocol.culprit, str(error) or type(error).__name__)
        self._flush()

    def eof_received(self) -> None:
        """Open no more streams: the connection is closed next."""
        self._is_leaving = True

    def pause_writing(self) -> None:
        """Send no more of the bodies."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Send on."""
        self._is_paused = False
        self._send_bodies()

    def connection_lost(self, error: Exception | None) -> None:
        """End what is still here."""
        self._is_leaving = True
        self._lost.set()
        self._cancel_timer()
        self._cancel_doubt()
        for stream in self._taken().values():
            stream.fail(broken(error, self._reason))
        self._changed()

    # --- events ------------------------------------------------------------------------------

    def _receive(self, event: Event | Goodbye, stream: HTTP2Stream | None) -> None:
        if stream is None:
            self._receive_for_all(event)
        elif receiver := self._receivers.get(type(event)):
            receiver(event, stream)

    def _receive_for_all(self, event: Event | Goodbye) -> None:
        """Take in what is about no stream, or about one that was left."""
        from h2 import events

        if isinstance(event, Goodbye):
            self._receive_goodbye(event)
        elif isinstance(event, events.RemoteSettingsChanged):
            self.most_streams = self._http2.remote_settings.max_concurrent_streams
            self._changed()
            self._send_bodies()
        elif isinstance(event, events.WindowUpdated):
            self._send_bodies()

    def _receive_goodbye(self, goodbye: Goodbye) -> None:
        self._reason = f"the service ended the connection ({code_name(goodbye.code)})"
        for number in [number for number in self._streams if number > goodbye.last]:
            self._sending.pop(number, None)
            self._streams.pop(number).fail(NotBegun(self._reason))
        self._leave_gently()
        self._changed()

    def _events(self) -> dict[type, Callable[[Any, HTTP2Stream], None]]:
        from h2 import events

        return {
            events.DataReceived: self._on_data,
            events.ResponseReceived: self._on_head,
            events.StreamEnded: self._on_end,
            events.StreamReset: self._on_reset,
            events.WindowUpdated: self._on_window,
        }

    def _on_data(self, event: Any, stream: HTTP2Stream) -> None:
        stream.receive_data(event.data, event.flow_controlled_length)

    def _on_head(self, event: Any, stream: HTTP2Stream) -> None:
        from multidict import CIMultiDict

        status, headers = decode_head(event.headers)
        stream.receive_head(status, CIMultiDict(headers))

    def _on_end(self, _: Any, stream: HTTP2Stream) -> None:
        """Note that a response is complete; a request that is not is wanted no more (8.1)."""
        stream.receive_end()
        if stream.number in self._sending:
            self._http2.reset_stream(stream.number, _CANCEL)
        self._forget(stream.number)

    def _on_reset(self, event: Any, stream: HTTP2Stream) -> None:
        is_refused = event.error_code == _REFUSED_STREAM and not stream.status
        said = f"the service reset the stream ({code_name(event.error_code)})"
        stream.fail(NotBegun(said) if is_refused else interrupted(said))
        self._forget(stream.number)

    def _on_window(self, _: Any, __: HTTP2Stream) -> None:
        self._send_bodies()

    # --- ends --------------------------------------------------------------------------------

    def _forget(self, number: int) -> None:
        self._streams.pop(number, None)
        self._sending.pop(number, None)
        if not self._streams:
            self._set_timer()
        if self._is_leaving:
            self._leave_gently()
        self._changed()

    def _break(self, culprit: int, said: str) -> None:
        """End all streams: after an error of the protocol nothing can be read any more.

        The answer that is wrong fails for good, the others of the connection pass when sent again.
        """
        self._is_leaving = True
        streams = self._taken()
        for number, stream in streams.items():
            is_its = number == culprit or culprit not in streams
            stream.fail(not_http2(said) if is_its else broken(None, f"another answer: {said}"))
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _taken(self) -> dict[int, HTTP2Stream]:
        """Return the streams, which are here no more."""
        streams = dict(self._streams)
        self._streams.clear()  # the protocol looks at it, too
        self._sending.clear()
        return streams

    def _leave_gently(self) -> None:
        """Open no more streams; close the connection when the last one has ended."""
        self._is_leaving = True
        if not self._streams and not self.is_lost:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._http2.close_connection()
            self._flush()
            self._transport.close()

    def _give_up(self) -> None:
        """Break the connection of a server that does not answer."""
        self._doubt = None
        self._is_leaving = True
        self._reason = "the service does not answer any more"
        self.abort()

    def _set_timer(self) -> None:
        self._cancel_timer()
        if not self.is_lost:
            self._timer = self._loop.call_later(_IDLE, self._leave_gently)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cancel_doubt(self) -> None:
        if self._doubt is not None:
            self._doubt.cancel()
            self._doubt = None
            self._changed()

    # --- sending -----------------------------------------------------------------------------

    def _send_bodies(self) -> None:
        """Send a frame of each request in turn, while windows and socket have room."""
        has_sent = True
        while has_sent and self._sending and not self._is_paused:
            has_sent = False
            for stream in tuple(self._sending.values()):
                has_sent |= self._send_piece(stream)
            self._flush()

    def _send_piece(self, stream: HTTP2Stream) -> bool:
        number = stream.number
        window = self._http2.local_flow_control_window(number)
        room = min(window, self._http2.max_outbound_frame_size)
        if room <= 0:
            return False
        piece, stream.unsent = stream.unsent[:room], stream.unsent[room:]
        is_last = not stream.unsent
        if is_last:
            del self._sending[number]
        self._http2.send_data(number, piece, end_stream=is_last)
        return True

    def _flush(self) -> None:
        data = self._protocol.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
