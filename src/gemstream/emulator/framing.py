"""Places in a stream of HTTP/1.1 responses, found as the bytes pass (RFC 9112, 6 and 7.1).

Sans I/O. It reads what our own server writes: it finds places to break at and judges nothing.
"""

from __future__ import annotations

import enum

from .toxics import Place

__all__ = ("MAX_LINE", "PlaceFinder")

# Above the longest header line the emulator sends; behind a longer one no place is found.
MAX_LINE = 256 * 1024


class _State(enum.Enum):
    STATUS = "status line"
    FIELDS = "header fields"
    SIZE = "size of a chunk"
    DATA = "data of a chunk"
    DATA_END = "line end behind the data"
    TRAILER = "behind the last chunk"
    BODY = "body of a known length"
    LOST = "until the end"


class PlaceFinder:
    """Finds one place: the ``chunk``-th of its kind, the only one of a head."""

    __slots__ = ("_chunk", "_chunked", "_chunks", "_left", "_line", "_place", "_state")

    def __init__(self, place: Place, chunk: int = 1) -> None:
        self._place = place
        self._chunk = chunk
        self._chunks = 0  # of this connection, the one that is passing included
        self._state = _State.STATUS
        self._line = b""  # the line whose end has not come
        self._left = 0  # bytes of the chunk or body still to come
        self._chunked = False

    def receive_data(self, data: bytes) -> int | None:
        """Return how many bytes of ``data`` there are up to the place; None when it is not here."""
        position = 0
        while position < len(data) and self._state is not _State.LOST:
            if not self._line and self._is_here(data[position]):
                return position + 1
            try:
                position = self._advance(data, position)
            except ValueError:  # a size that is none
                self._state = _State.LOST
        return None

    def _is_here(self, byte: int) -> bool:
        is_last = byte == ord("0")
        if self._state is _State.SIZE and not is_last:
            self._chunks += 1
        here = {
            _State.FIELDS: Place.HEAD,
            _State.SIZE: Place.LAST_CHUNK if is_last else Place.CHUNK_SIZE,
            _State.DATA: Place.CHUNK_DATA,
            _State.DATA_END: Place.CHUNK_END,
        }.get(self._state)
        in_chunks = here not in (Place.HEAD, Place.LAST_CHUNK)
        return here is self._place and (not in_chunks or self._chunks == self._chunk)

    def _advance(self, data: bytes, position: int) -> int:
        if self._state in (_State.DATA, _State.BODY):
            passed = min(self._left, len(data) - position)
            self._left -= passed
            if not self._left:
                is_chunk = self._state is _State.DATA
                self._state = _State.DATA_END if is_chunk else _State.STATUS
            return position + passed
        end = data.find(b"\n", position)
        self._line += data[position:] if end < 0 else data[position : end + 1]
        if end < 0:
            if len(self._line) > MAX_LINE:
                self._state = _State.LOST
            return len(data)
        line, self._line = self._line.strip().lower(), b""
        self._end_line(line)
        return end + 1

    def _end_line(self, line: bytes) -> None:
        match self._state:
            case _State.STATUS:
                self._state, self._left, self._chunked = _State.FIELDS, 0, False
            case _State.FIELDS if line:
                self._note_field(*line.split(b":", 1))
            case _State.FIELDS:
                has_body = _State.BODY if self._left else _State.STATUS
                self._state = _State.SIZE if self._chunked else has_body
            case _State.SIZE:
                self._left = int(line.split(b";")[0] or b"0", 16)
                self._state = _State.DATA if self._left else _State.TRAILER
            case _State.DATA_END:
                self._state = _State.SIZE
            case _State.TRAILER if not line:
                self._state = _State.STATUS

    def _note_field(self, name: bytes, value: bytes = b"") -> None:
        if name == b"content-length":
            self._left = int(value)
        elif name == b"transfer-encoding":
            self._chunked = b"chunked" in value
