"""h2, set up for a client that streams, and given one frame at a time.

Promises: what came before an error in the same read is not lost with it; streams below a GOAWAY's
last one go on; no frame is answered that was under way to a stream that had been left. Pure: bytes
in, events out, bytes to send.

Strategy. h2 sees every frame but GOAWAY: it takes that for the end, while the streams that the
server has begun are to be finished (RFC 9113, 6.8). The connection's window is opened as bytes
arrive, a stream's by whoever reads it: a slow reader holds back its own stream only.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, NamedTuple

from .http2_frames import DATA, GOAWAY, HEAD_SIZE, LARGEST, Frame, Frames
from .http2_stream import STREAM_WINDOW

if TYPE_CHECKING:
    from h2.connection import H2Connection
    from h2.events import Event

__all__ = ("Goodbye", "HTTP2Protocol", "decode_head")

_CONNECTION_WINDOW = 8 * 1024 * 1024
# h2 holds back as much as a half for what came too late for its stream; this leaves some.
_ARRIVED_BEFORE_MORE = _CONNECTION_WINDOW // 4
_LARGEST_HEAD = 16_384  # of all headers of a response, as hyper has it
# Streams that have ended, which are remembered for frames still under way to them; h2 takes 170
# bytes for each, and would keep 65,536.
_MOST_REMEMBERED = 2048
_STREAM_CLOSED = 0x5
_STATUS = re.compile("[1-5][0-9]{2}")


class Goodbye(NamedTuple):
    """The server opens no streams any more, and has not begun those above ``last``."""

    last: int
    code: int


class HTTP2Protocol:
    """The client's side of a connection; ``live`` are the streams that somebody still reads.

    ``http2`` is h2's connection, on which requests are sent.
    """

    __slots__ = ("_arrived", "_frames", "_kept", "_live", "culprit", "http2")

    def __init__(self, live: Container[int]) -> None:
        self._live = live
        self._frames = Frames()
        self._arrived = 0  # bytes since the connection's window was opened last
        self._kept = b""
        self.http2 = _new_http2()
        self.culprit = 0  # the stream of the last frame, which an error is about

    def begin(self) -> None:
        """Prepare the preface, with the windows that are allowed."""
        self.http2.initiate_connection()
        more = _CONNECTION_WINDOW - self.http2.inbound_flow_control_window
        self.http2.increment_flow_control_window(more)

    def receive_data(self, data: bytes) -> Iterator[tuple[int, Event | Goodbye]]:
        """Yield what one read tells, each with the number of its stream; to be read to the end.

        Raises ValueError, and what h2 raises, when ``data`` is not HTTP/2.
        """
        for frame in self._frames.receive_data(data):
            self.culprit = number = frame.stream
            if frame.kind == GOAWAY:
                yield 0, _goodbye(frame.whole)
                continue
            if frame.kind == DATA and number not in self._live:
                self._receive_late(frame)
                continue
            for event in self.http2.receive_data(frame.whole):
                yield number, event
            if frame.kind == DATA:
                self._count(len(frame.whole) - HEAD_SIZE)

    def data_to_send(self) -> bytes:
        """Return what has been prepared since the last call."""
        kept, self._kept = self._kept, b""
        return kept + self.http2.data_to_send()

    def _receive_late(self, frame: Frame) -> None:
        """Let h2 count what was under way to a stream that was left.

        It resets the stream once more for each such frame; a server may take many for an attack.
        """
        kept = self.data_to_send()
        self.http2.receive_data(frame.whole)
        again = b"\0\0\4\3\0%b%b" % (_number(frame.stream), _number(_STREAM_CLOSED))
        self._kept = kept + self.http2.data_to_send().removesuffix(again)

    def _count(self, size: int) -> None:
        self._arrived += size
        if self._arrived >= _ARRIVED_BEFORE_MORE:
            self.http2.increment_flow_control_window(self._arrived)
            self._arrived = 0


def decode_head(fields: list[tuple[bytes, bytes]]) -> tuple[int, list[tuple[str, str]]]:
    """Return status and headers; raises ValueError for a status that is none."""
    decoded = [(_text(name), _text(value)) for name, value in fields]
    status = dict(decoded).get(":status", "")
    if not _STATUS.fullmatch(status):
        raise ValueError(f"its status is {status!r}")
    return int(status), [field for field in decoded if not field[0].startswith(":")]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _number(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _goodbye(whole: bytes) -> Goodbye:
    payload = whole[HEAD_SIZE:]
    if len(payload) < 8:
        raise ValueError("a GOAWAY frame is too short")
    last = int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF
    return Goodbye(last, int.from_bytes(payload[4:8], "big"))


def _new_http2() -> H2Connection:
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.settings import SettingCodes, Settings

    class Forgetful(H2Connection):
        MAX_CLOSED_STREAMS = _MOST_REMEMBERED

    http2 = Forgetful(H2Configuration(client_side=True, header_encoding=None))
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
