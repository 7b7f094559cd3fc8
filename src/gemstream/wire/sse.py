"""Server-sent events ↔ bytes, as the WHATWG standard says to the letter.

Promises: any partition of the input gives the same events; lines end at CRLF, LF or CR and at
nothing else; memory is bounded by ``max_event_size``. Data stays bytes: nothing here decodes
UTF-8, so one bad byte harms one value only.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html §9.2.5–9.2.6.
"""

from __future__ import annotations

import msgspec

from ..errors import ProtocolError

__all__ = ("MAX_EVENT_SIZE", "SSEDecoder", "ServerSentEvent", "encode_event")

# An image answer is one event of 1–3 MB, a video frame sequence more; no recorded one is near this.
MAX_EVENT_SIZE = 64 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_LF, _CR = 10, 13
_EXCERPT = 200
_STRAIGHT = b"data: "  # what all of Gemini's own lines start with


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event; ``text`` is its data with bad UTF-8 replaced by U+FFFD."""

    data: bytes
    type: str = "message"
    last_event_id: str = ""

    @property
    def text(self) -> str:
        """The data as text."""
        return self.data.decode("utf-8", "replace")


def encode_event(payload: bytes) -> bytes:
    """Return ``payload`` (one line of JSON) framed exactly as Gemini frames it."""
    return b"data: " + payload + b"\r\n\r\n"


class SSEDecoder:
    """Bytes → events.

    With ``stop_at_json`` a line that starts with ``{`` or ``[`` while no data is pending ends the
    decoding: Gemini breaks off a stream with a naked error object. ``rest`` then holds that line
    and all behind it, and ``receive_data`` must not be called again. JSON behind an unknown field's
    name is then a fault, not a field to ignore: it is a chunk that something damaged.
    """

    __slots__ = (
        "_at_start",
        "_data",
        "_failure",
        "_id",
        "_max_event_size",
        "_partial",
        "_size",
        "_skip_lf",
        "_stop_at_json",
        "_type",
        "rest",
        "retry",
    )

    def __init__(self, *, max_event_size: int = MAX_EVENT_SIZE, stop_at_json: bool = False) -> None:
        self._max_event_size = max_event_size
        self._stop_at_json = stop_at_json
        self._partial = bytearray()  # the line whose end has not arrived
        self._data: list[bytes] = []  # data lines of the event in the making
        self._size = 0  # bytes in _data
        self._type = ""
        self._id = ""
        self._at_start = True
        self._skip_lf = False  # the last byte was CR: an LF now belongs to it
        self._failure: ProtocolError | None = None
        self.retry: int | None = None
        self.rest: bytes | None = None

    def receive_data(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events that ``data`` completes; raises ProtocolError above the size cap.

        Events complete before a fault are returned first, and the fault is raised by ``check`` or
        the next call.
        """
        self.check()
        events: list[ServerSentEvent] = []
        try:
            self._receive(data, events)
        except ProtocolError as error:
            self._failure = error
            if not events:
                raise
        return events

    def check(self) -> None:
        """Raise the fault that follows the events already returned, if there is one."""
        if self._failure is not None:
            raise self._failure

    def _receive(self, data: bytes, events: list[ServerSentEvent]) -> None:
        if self._skip_lf or self._at_start or self._partial:
            data = self._join(data)
        if not data:
            return
        lines = data.splitlines()  # bytes split at CRLF, LF and CR only, unlike str
        if self._partial:
            lines[0] = self._completed(lines[0])
        self._skip_lf = data[-1] == _CR
        if data[-1] not in (_LF, _CR):
            self._partial += lines.pop()
        for index, line in enumerate(lines):
            if line.startswith(_STRAIGHT):
                self._data.append(line[len(_STRAIGHT) :])
                self._size += len(line)
            elif not line:
                self._dispatch(events)
            elif self._stops_at(line):
                rest = data.splitlines(keepends=True)[index:]
                end = rest[0][len(rest[0].rstrip(b"\r\n")) :]  # rest[0] may lack its beginning
                self._stop(b"".join([line, end, *rest[1:]]))
                return
            else:
                self._receive_line(line)
        if self._partial and self._stops_at(self._partial):
            self._stop(bytes(self._partial))
        if self._size + len(self._partial) > self._max_event_size:
            raise self._too_large()

    @property
    def is_between_events(self) -> bool:
        """True when nothing is pending: the next byte begins an event, or a blank line."""
        return not (
            self._partial
            or self._data
            or self._type
            or self._skip_lf
            or self.rest
            or self._at_start
        )

    def take_pending(self) -> bytes | None:
        """Return the data of the event whose blank line has not arrived, and forget it.

        Gemini's last event sometimes lacks its blank line; None when nothing is pending.
        """
        if self._partial:
            self._receive_line(bytes(self._partial))
            self._partial.clear()
        pending = b"\n".join(self._data) if self._data else None
        self.receive_eof()
        return pending

    def receive_eof(self) -> None:
        """End the stream; a pending event is dropped, as the standard says."""
        self._partial.clear()
        self._data.clear()
        self._size = 0

    def _stop(self, rest: bytes) -> None:
        self.rest = rest
        self._partial.clear()

    def _join(self, data: bytes) -> bytes:
        """Return ``data``, or ``b""`` when it ends no line and more has to be waited for."""
        if self._skip_lf and data:
            self._skip_lf = False
            data = data[1:] if data[0] == _LF else data
        if self._at_start:
            data = self._strip_bom(data)
        if not self._partial or b"\n" in data or b"\r" in data:
            return data
        self._partial += data
        if self._size + len(self._partial) > self._max_event_size:
            raise self._too_large()
        return b""

    def _completed(self, end: bytes) -> bytes:
        """Return the pending line with its end.

        Only that line is put together, not what follows it: an event of 16 MiB is in memory
        twice at a time, not three times.
        """
        self._partial += end
        line = bytes(self._partial)
        self._partial = bytearray()
        return line

    def _strip_bom(self, data: bytes) -> bytes:
        start = bytes(self._partial) + data
        self._partial.clear()
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._partial += start
            return b""
        self._at_start = False
        return start.removeprefix(_BOM)

    def _stops_at(self, line: bytes | bytearray) -> bool:
        return self._stop_at_json and not self._data and line[0] in b"{["

    def _receive_line(self, line: bytes) -> None:
        if self._size + len(line) > self._max_event_size:
            raise self._too_large()
        name, colon, value = line.partition(b":")
        if not name and colon:
            return  # a comment
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(line)
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():  # bytes.isdigit knows ASCII digits only
            self.retry = int(value[:18])
        elif self._stop_at_json and b'{"' in line:
            # The standard drops a field it does not know, and here a chunk with it.
            raise ProtocolError(
                f"a line of the stream holds JSON and is no event's data: {line[:_EXCERPT]!r}",
                excerpt=line[:_EXCERPT],
            )

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            if self._size > self._max_event_size:
                raise self._too_large()
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            events.append(ServerSentEvent(data, self._type or "message", self._id))
            self._data.clear()
            self._size = 0
        self._type = ""

    def _too_large(self) -> ProtocolError:
        excerpt = self._data[0][:200] if self._data else bytes(self._partial[:200])
        return ProtocolError(
            f"an event exceeds max_event_size of {self._max_event_size} bytes; "
            "raise it if the answer really is that large",
            excerpt=excerpt,
        )
