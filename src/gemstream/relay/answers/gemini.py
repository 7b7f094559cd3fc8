"""Gemini to Gemini: the bytes as they came, looked at and not touched."""

from __future__ import annotations

import re

from ...errors import GemstreamError
from ...policy.usage_meter import UsageMeter
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.refusal import refusal_of
from ...wire.dialect.refusal_form import encode_stream_error
from ...wire.payload import PayloadDecoder

__all__ = ("ArrayStream", "SameStream", "SameWhole")

# What of an event is held until it is whole: nobody can read half a one, and one that stays half
# would stand before the error that says so. Larger ones, as images, go on as they come.
_MOST_HELD = 64 * 1024
_EMPTY_CHUNK = b'{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"index":0}]}'
_END = b"\r\n\r\n"
_EVENT_END = re.compile(rb"\n\r?\n")


class SameStream:
    """Server-sent events handed on byte for byte, in whole events."""

    __slots__ = ("_held", "_is_split", "request_id", "tally")

    content_type = b"text/event-stream"

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.tally = UsageMeter("text/event-stream")
        self._held = b""
        self._is_split = False  # the front of an event has gone down, its end has not

    def receive_data(self, data: bytes) -> bytes:
        """Return the events that ``data`` completes; nothing of a fault."""
        tally = self.tally
        tally.receive_data(data)
        if not self._held and data[-4:] == _END and tally.error is None:
            self._is_split = False
            return data
        return self._boundary(data)

    def receive_eof(self) -> bytes:
        """Return an event that only lacked its blank line, with one."""
        self.tally.receive_eof()
        return self._rest()

    def receive_interruption(self, error: GemstreamError) -> bytes:
        """Return the same behind an answer that is whole, and of any other nothing."""
        if self.tally.error is None and not self.tally.is_finished:
            self.tally.error = error
        return self._rest()

    def break_off(self, error: GemstreamError) -> bytes:
        """Return the naked error that ends a stream of Gemini."""
        start = _END if self._is_split else b""
        return start + encode_stream_error(Dialect.GEMINI, refusal_of(error), self.request_id)

    def heartbeat(self) -> bytes:
        """Return an empty chunk, as the service itself sends some."""
        return b"" if self._held or self._is_split else b"data: " + _EMPTY_CHUNK + _END

    def _rest(self) -> bytes:
        """Return what is still to go down, ended as an event: readers drop what has no end."""
        held, self._held = self._held, b""
        if self.tally.error is not None:
            return b""
        if self._is_split:
            self._is_split = False
            return _END
        return _sound(held.rstrip(b"\r\n") + _END) if held else b""

    def _boundary(self, data: bytes) -> bytes:
        """Return what is held and new up to the last event's end, and hold the rest."""
        whole = self._held + data if self._held else data
        end = max(whole.rfind(b"\n\n") + 2, whole.rfind(b"\n\r\n") + 3)
        if end > 2:
            self._is_split = False
        else:
            end = 0
        if self.tally.error is not None:
            self._held = b""
            return _sound(whole[:end])
        if len(whole) - end > _MOST_HELD or self._is_split:
            self._held, self._is_split = b"", True
            return whole
        self._held = whole[end:]
        return whole[:end]


def _sound(events: bytes) -> bytes:
    """Return those of ``events`` that come before the fault among or behind them."""
    sound = 0
    for end in _EVENT_END.finditer(events):
        meter = UsageMeter("text/event-stream")
        meter.receive_data(events[sound : end.end()])
        if meter.error is not None or not meter.chunks:
            break
        sound = end.end()
    return events[:sound]


def _is_sound(payload: bytes) -> bool:
    meter = UsageMeter("application/json")
    meter.receive_whole(payload)
    return meter.error is None


class ArrayStream:
    """A stream written as one JSON array, for callers who did not ask for events."""

    __slots__ = ("_count", "_payloads", "request_id", "tally")

    content_type = b"application/json; charset=UTF-8"

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.tally = UsageMeter("text/event-stream")
        self._payloads = PayloadDecoder("text/event-stream")
        self._count = 0

    def receive_data(self, data: bytes) -> bytes:
        """Return the payloads that ``data`` completes, each as the service wrote it."""
        self.tally.receive_data(data)
        try:
            payloads = self._payloads.receive_data(data)
        except GemstreamError:
            return b""  # the tally has it
        return self._framed(payloads)

    def receive_eof(self) -> bytes:
        """Return the array's end."""
        self.tally.receive_eof()
        try:
            last = self._framed(self._payloads.receive_eof())
        except GemstreamError:
            last = b""
        if self.tally.error is not None:
            return last
        return last + (b"\n]" if self._count else b"[]")

    def receive_interruption(self, error: GemstreamError) -> bytes:
        """Return the array's end behind an answer that is whole."""
        if self.tally.error is None and not self.tally.is_finished:
            self.tally.error = error
        return b"" if self.tally.error is not None else b"\n]"

    def break_off(self, error: GemstreamError) -> bytes:
        """Return the error as the array's last item, and the array's end."""
        body = encode_stream_error(Dialect.GEMINI, refusal_of(error), self.request_id)
        return (b"\n,\n" if self._count else b"[") + body + b"\n]"

    def heartbeat(self) -> bytes:
        """Return white space, which means nothing wherever it stands between two items.

        An item would need its comma, and the next account's answer would not know of it.
        """
        return b"\n"

    def _framed(self, payloads: list[bytes]) -> bytes:
        pieces: list[bytes] = []
        for payload in payloads:
            if self.tally.error is not None and not _is_sound(payload):
                break
            pieces.append((b"\n,\n" if self._count else b"[") + payload)
            self._count += 1
        return b"".join(pieces)


class SameWhole:
    """An answer handed on at once, byte for byte."""

    __slots__ = ("tally",)

    def __init__(self) -> None:
        self.tally = UsageMeter("application/json")

    def body(self, upstream: bytes) -> bytes:
        """Return what came."""
        self.tally.receive_whole(upstream)
        return upstream
