"""One HTTP/2 connection: h2 between a socket and the streams on it.

Promises: what one read brings wakes each reader once; a stream is reset in the call that leaves it;
a slow reader holds back its own stream only. Everything happens in calls of the event loop, no
task runs here.

Strategy. h2 sees every frame but GOAWAY: it takes that for the end, while streams below its last
one are to be finished (RFC 9113, 6.8). The connection's window is opened as bytes arrive, a
stream's as they are read, so what is held in memory is at most a window for each stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConnectFailed, GemstreamError, ProtocolError, StreamInterrupted
from .http2_errors import broken, code_name, not_http2
from .http2_frames import DATA, GOAWAY, HEAD_SIZE, LARGEST, Frame, Frames
from .http2_stream import STREAM_WINDOW, HTTP2Stream, NotBegun

if TYPE_CHECKING:
    from h2.connection import H2Connection
    from h2.events import Event

__all__ = ("HTTP2Connection",)

_CONNECTION_WINDOW = 8 * 1024 * 1024
# h2 keeps back as much as a half for what came too late for its stream; this must leave some.
_ARRIVED_BEFORE_MORE = _CONNECTION_WINDOW // 4
_LARGEST_HEAD = 16_384  # of all headers of a response, as hyper has it
_MOST_STREAMS = 100  # until the server says how many it allows (6.5.2 recommends no fewer)
# Of streams that were left, which are remembered for frames still under way to them.
_MOST_REMEMBERED = 8192
_IDLE = 60.0  # seconds without a stream; a NAT may forget a silent connection in some minutes
_PING_PATIENCE = 10.0  # seconds for the answer of a server that may be gone
_PING = b"gemstrea"
_CANCEL = 0x8  # RFC 9113, 7
_FAREWELL = 1.0  # seconds for what is still to be sent as the connection is closed


class HTTP2Connection(asyncio.Protocol):
    """Sends requests and gives each its stream.

    ``changed`` is called when there may be room for another stream, and when the connection is
    lost. ``speaks_http2`` is False where TLS has agreed on something else (ALPN).
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._frames = Frames()
        self._streams: dict[int, HTTP2Stream] = {}
        self._sending: dict[int, HTTP2Stream] = {}  # those whose request is not all sent
        self._most = _MOST_STREAMS
        self._arrived = 0  # bytes since the connection's window was opened last
        self._is_paused = False
        self._is_leaving = False  # no more streams are opened
        self._reason = ""  # why the server leaves
        self._timer: asyncio.TimerHandle | None = None  # of an idle connection
        self._doubt: asyncio.TimerHandle | None = None
        self._lost = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._http2: H2Connection = _new_http2()
        self._receivers = self._events()
        self.speaks_http2 = True

    @property
    def has_room(self) -> bool:
        """True while another stream may be opened."""
        is_good = not self._is_leaving and self._doubt is None
        return is_good and len(self._streams) < self._most

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

    async def aclose(self, error: GemstreamError) -> None:
        """End every stream with ``error``, and the connection within a second."""
        self._is_leaving = True
        for stream in tuple(self._streams.values()):
            stream.abort(error)
        if self._transport is None or self.is_lost:
            return
        self._say_goodbye()
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._lost.wait()
        except TimeoutError:
            self._transport.abort()

    # --- what the socket says ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to speak, unless the server's choice was another protocol."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]  # uvloop's are asyncio's by shape
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self.speaks_http2 = False
            self._is_leaving = True
            transport.close()
            return
        self._http2.initiate_connection()
        more = _CONNECTION_WINDOW - self._http2.inbound_flow_control_window
        self._http2.increment_flow_control_window(more)
        self._flush()
        self._set_timer()

    def data_received(self, data: bytes) -> None:
        """Take in what one read brought."""
        if not self.speaks_http2:
            return
        if self._doubt is not None:
            self._cancel_doubt()
        stream = 0
        try:
            for frame in self._frames.receive_data(data):
                stream = frame.stream
                self._receive(frame)
        except ProtocolError as error:
            self._break(stream, error)
        except Exception as error:  # h2's own, and those of hpack that it lets through
            self._break(stream, not_http2(error))
        self._flush()

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
        streams, self._streams = self._streams, {}
        self._sending.clear()
        for stream in streams.values():
            stream.fail(broken(error, self._reason))
        self._changed()

    # --- frames ------------------------------------------------------------------------------

    def _receive(self, frame: Frame) -> None:
        if frame.kind == GOAWAY:
            self._receive_goodbye(frame.whole)
            return
        stream = self._streams.get(frame.stream)
        if stream is None and frame.kind == DATA:
            self._receive_late(frame)
            return
        for event in self._http2.receive_data(frame.whole):
            if stream is None:
                self._receive_for_all(event)
            elif receiver := self._receivers.get(type(event)):
                receiver(event, stream)

    def _receive_for_all(self, event: Event) -> None:
        """Take in what is about no stream, or about one that was left."""
        from h2 import events

        if isinstance(event, events.RemoteSettingsChanged):
            self._most = self._http2.remote_settings.max_concurrent_streams
            self._changed()
        elif not isinstance(event, events.WindowUpdated):
            return
        self._send_bodies()

    def _receive_late(self, frame: Frame) -> None:
        """Count what was under way to a stream that was left.

        h2 resets the stream once more for each such frame; a server may take many for an attack.
        """
        self._flush()
        self._http2.receive_data(frame.whole)
        again = b"\0\0\4\3\0" + frame.stream.to_bytes(4, "big") + b"\0\0\0\5"  # STREAM_CLOSED
        self._write(self._http2.data_to_send().removesuffix(again))

    def _receive_goodbye(self, whole: bytes) -> None:
        if len(whole) < HEAD_SIZE + 8:
            raise ProtocolError("the answer is not valid HTTP/2: a GOAWAY frame is too short")
        last = int.from_bytes(whole[9:13], "big") & 0x7FFF_FFFF
        code = int.from_bytes(whole[13:17], "big")
        self._reason = f"the service ended the connection ({code_name(code)})"
        self._is_leaving = True
        for number in [number for number in self._streams if number > last]:
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
        size = event.flow_controlled_length
        stream.receive_data(event.data, size)
        self._arrived += size
        if self._arrived >= _ARRIVED_BEFORE_MORE:
            self._http2.increment_flow_control_window(self._arrived)
            self._arrived = 0

    def _on_head(self, event: Any, stream: HTTP2Stream) -> None:
        from multidict import CIMultiDict

        fields = [(_text(name), _text(value)) for name, value in event.headers]
        status = dict(fields).get(":status", "")
        if not (status.isdecimal() and len(status) == 3):
            raise ProtocolError(f"the answer is not valid HTTP/2: its status is {status!r}")
        headers = CIMultiDict(field for field in fields if field[0][:1] != ":")
        stream.receive_head(int(status), headers)

    def _on_end(self, _: Any, stream: HTTP2Stream) -> None:
        """Note that a response is complete; a request that is not is wanted no more (8.1)."""
        stream.receive_end()
        if stream.number in self._sending:
            self._http2.reset_stream(stream.number, _CANCEL)
        self._forget(stream.number)

    def _on_reset(self, event: Any, stream: HTTP2Stream) -> None:
        name = code_name(event.error_code)
        is_refused = name == "REFUSED_STREAM" and not stream.status
        said = f"the service reset the stream ({name})"
        stream.fail(NotBegun(said) if is_refused else StreamInterrupted(said))
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

    def _break(self, culprit: int, error: ProtocolError) -> None:
        """End all streams: after an error of the protocol nothing can be read any more."""
        self._is_leaving = True
        streams, self._streams = self._streams, {}
        self._sending.clear()
        for number, stream in streams.items():
            is_its = number == culprit or not culprit or len(streams) == 1
            stream.fail(
                error
                if is_its
                else StreamInterrupted("the connection broke: another answer on it was not valid")
            )
        self._flush()
        if self._transport is not None:
            self._transport.close()

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
        if self._transport is not None:
            self._transport.abort()

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
        self._write(self._http2.data_to_send())

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _new_http2() -> H2Connection:
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.settings import SettingCodes, Settings

    class Remembering(H2Connection):
        MAX_CLOSED_STREAMS = _MOST_REMEMBERED

    http2 = Remembering(H2Configuration(client_side=True, header_encoding=None))
    limits = {
        SettingCodes.ENABLE_PUSH: 0,
        SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        SettingCodes.MAX_FRAME_SIZE: LARGEST,
        SettingCodes.MAX_HEADER_LIST_SIZE: _LARGEST_HEAD,
    }
    # Not by update_settings, which holds only from the server's acknowledgement on.
    http2.local_settings = Settings(client=True, initial_values=limits)
    http2.decoder.max_header_list_size = _LARGEST_HEAD
    return http2
