"""Gemini's answer in another dialect: bytes to neutral events to bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ...errors import GemstreamError
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.gemini_reader import GeminiReader
from ...wire.dialect.neutral import Event, Failed
from ...wire.dialect.refusal import refusal_of
from ...wire.dialect.refusal_form import encode_stream_error
from ...wire.dialect.signature import SignatureWrite
from .event_tally import EventTally

__all__ = ("Encoder", "Fold", "TranslatedStream", "TranslatedWhole")


Keep = Callable[[Iterable[SignatureWrite]], None]


class Encoder(Protocol):
    """Writes events down as a stream; one of a dialect's."""

    @property
    def cache_writes(self) -> Iterable[SignatureWrite]:
        """The signatures to keep for the caller's next request; complete at the end."""
        ...

    def receive(self, events: Sequence[Event]) -> bytes:
        """Return the frames that ``events`` bring."""
        ...

    def heartbeat(self) -> bytes:
        """Return what keeps an idle connection open."""
        ...


class Fold(Protocol):
    """Writes events down as one whole; one of a dialect's."""

    @property
    def cache_writes(self) -> Iterable[SignatureWrite]:
        """The signatures to keep for the caller's next request."""
        ...

    def receive(self, events: Sequence[Event]) -> None:
        """Take in what the answer says next."""
        ...

    def body(self) -> bytes:
        """Return the whole."""
        ...


class TranslatedStream:
    """A stream of ``dialect`` made of a stream of Gemini's.

    ``keep`` gets the signatures that the caller may not bring back.
    """

    __slots__ = ("_dialect", "_encoder", "_keep", "_reader", "_request_id", "tally")

    content_type = b"text/event-stream"

    def __init__(self, dialect: Dialect, encoder: Encoder, request_id: str, keep: Keep) -> None:
        self._dialect = dialect
        self._encoder = encoder
        self._reader = GeminiReader("text/event-stream")
        self._request_id = request_id
        self._keep = keep
        self.tally = EventTally()

    def receive_data(self, data: bytes) -> bytes:
        """Return the frames of the events that ``data`` completes."""
        self.tally.chunks += 1
        return self._frames(self._reader.receive_data(data))

    def receive_eof(self) -> bytes:
        """Return the frames of the end."""
        frames = self._frames(self._reader.receive_eof())
        self._keep(self._encoder.cache_writes)
        return frames

    def receive_interruption(self, error: GemstreamError) -> bytes:
        """Return the frames of the end, if all was there but that."""
        frames = self._frames(self._reader.receive_interruption(error))
        self._keep(self._encoder.cache_writes)
        return frames

    def break_off(self, error: GemstreamError) -> bytes:
        """Return the dialect's own end of a stream that broke."""
        return encode_stream_error(self._dialect, refusal_of(error), self._request_id)

    def heartbeat(self) -> bytes:
        """Return what the dialect's clients skip."""
        return self._encoder.heartbeat()

    def _frames(self, events: list[Event]) -> bytes:
        self.tally.receive(events)
        if self.tally.error is not None:
            events = [event for event in events if type(event) is not Failed]
        return self._encoder.receive(events)


class TranslatedWhole:
    """A whole answer of a dialect made of one of Gemini's."""

    __slots__ = ("_fold", "_keep", "tally")

    def __init__(self, fold: Fold, keep: Keep) -> None:
        self._fold = fold
        self._keep = keep
        self.tally = EventTally()

    def body(self, upstream: bytes) -> bytes:
        """Return the answer; ``b""`` when the tally has an error."""
        events = GeminiReader("application/json").receive_whole(upstream)
        self.tally.chunks = 1
        self.tally.receive(events)
        if self.tally.error is not None:
            return b""
        self._fold.receive(events)
        self._keep(self._fold.cache_writes)
        return self._fold.body()
