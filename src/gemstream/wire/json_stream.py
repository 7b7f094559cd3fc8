"""A stream of JSON objects ↔ bytes: one growing array, or objects one after another.

streamGenerateContent without ``alt=sse`` answers with an array written as it is generated;
errors break into streams as naked objects, sometimes over many lines. The scanner counts
brackets and knows strings; it looks at each byte once, so memory and time stay linear however
the bytes arrive.
"""

from __future__ import annotations

import re

from ..errors import DecodeError, ProtocolError, StreamTruncated
from .sse import MAX_EVENT_SIZE

__all__ = ("JSONStreamDecoder",)

_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_STOP = re.compile(rb'["\\]')
_BETWEEN = re.compile(rb"[ \t\r\n,]*")
_EXCERPT = 200


class JSONStreamDecoder:
    """Bytes → the bytes of each complete object, in order."""

    __slots__ = (
        "_depth",
        "_escaped",
        "_in_array",
        "_in_string",
        "_max_event_size",
        "_object",
        "_offset",
    )

    def __init__(self, *, max_event_size: int = MAX_EVENT_SIZE) -> None:
        self._max_event_size = max_event_size
        self._object = bytearray()  # the object in the making
        self._offset = 0  # where in the body the read at hand begins
        self._depth = 0  # brackets open inside the object
        self._in_string = False
        self._escaped = False  # the last byte was a backslash in a string
        self._in_array = False

    def receive_data(self, data: bytes, objects: list[bytes]) -> None:
        """Append each object that ``data`` completes to ``objects``.

        Raises DecodeError for anything but objects and ProtocolError above the size cap; what
        was complete before stands in ``objects`` then.
        """
        position = 0
        while position < len(data):
            if self._depth:
                position = self._inside(data, position, objects)
            else:
                position = self._between(data, position)
        self._offset += len(data)

    def receive_eof(self) -> None:
        """End the stream; raises StreamTruncated inside an object or an unclosed array."""
        if self._depth or self._in_array:
            where = "inside an object" if self._depth else "before the array's closing bracket"
            excerpt = bytes(self._object[:_EXCERPT])
            raise StreamTruncated(f"the JSON stream ended {where}", excerpt=excerpt)

    def _between(self, data: bytes, position: int) -> int:
        """Skip to the next object; returns the position of its bracket."""
        space = _BETWEEN.match(data, position)
        position = space.end() if space else position
        if position == len(data):
            return position
        byte = data[position : position + 1]
        if byte == b"{":
            self._depth = 1
            self._object += b"{"
        elif byte == b"[" and not self._in_array:
            self._in_array = True
        elif byte == b"]" and self._in_array:
            self._in_array = False
        else:
            excerpt = data[position : position + _EXCERPT]
            raise DecodeError(
                f"the service sent no JSON object where one should start: {excerpt!r}",
                excerpt=excerpt,
                offset=self._offset + position,
            )
        return position + 1

    def _inside(self, data: bytes, start: int, objects: list[bytes]) -> int:
        """Scan to the end of the object or of ``data``; returns the position behind it."""
        position = start
        while self._depth and position < len(data):
            position = self._skip_string(data, position) if self._in_string else position
            if self._in_string or position >= len(data):
                break
            found = _STRUCTURE.search(data, position)
            position = found.end() if found else len(data)
            if found:
                self._count(found[0])
        self._keep(data[start:position])
        if not self._depth:
            objects.append(bytes(self._object))
            self._object.clear()
        return position

    def _skip_string(self, data: bytes, position: int) -> int:
        """Return the position behind the string's closing quote, or the end of ``data``."""
        if self._escaped:
            self._escaped = False
            position += 1
        while found := _STRING_STOP.search(data, position):
            position = found.end()
            if found[0] == b'"':
                self._in_string = False
                return position
            if position == len(data):
                self._escaped = True
            position += 1
        return len(data)

    def _count(self, byte: bytes) -> None:
        if byte == b'"':
            self._in_string = True
        elif byte in b"{[":
            self._depth += 1
        else:
            self._depth -= 1

    def _keep(self, piece: bytes) -> None:
        self._object += piece
        if len(self._object) > self._max_event_size:
            raise ProtocolError(
                f"a JSON object exceeds max_event_size of {self._max_event_size} bytes; "
                "raise it if the answer really is that large",
                excerpt=bytes(self._object[:_EXCERPT]),
            )
