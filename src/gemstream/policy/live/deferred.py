"""Realtime input that comes while there is no connection: kept for its moment, no longer."""

from __future__ import annotations

from ...wire.live.client_message import ClientMessage
from .resumption import MAX_AUDIO_AGE, MAX_KEPT_SIZE

__all__ = ("Deferred",)


class Deferred:
    """Messages in order, each with when it was to be sent."""

    __slots__ = ("_dropped", "_messages", "_size")

    def __init__(self) -> None:
        # Seconds of it at most, and an empty deque takes 0.7 KiB in each session.
        self._messages: list[tuple[ClientMessage, int, float]] = []
        self._size = 0
        self._dropped = 0

    def put(self, message: ClientMessage, now: float) -> None:
        """Keep a message of realtime input; the oldest give way when it grows too much."""
        size = _size(message)
        self._messages.append((message, size, now))
        self._size += size
        while self._size > MAX_KEPT_SIZE or now - self._messages[0][2] > MAX_AUDIO_AGE:
            self._drop()

    def take(self, now: float) -> tuple[ClientMessage, float] | None:
        """Return the oldest message that is still fresh and its moment; None when there is none."""
        while self._messages and now - self._messages[0][2] > MAX_AUDIO_AGE:
            self._drop()
        if not self._messages:
            return None
        message, size, at = self._messages.pop(0)
        self._size -= size
        return message, at

    def take_dropped(self) -> int:
        """Return how many were given up since this was asked last."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _drop(self) -> None:
        self._size -= self._messages.pop(0)[1]
        self._dropped += 1


def _size(message: ClientMessage) -> int:
    """Return roughly what ``message`` takes in memory."""
    realtime = message.realtime_input
    media = None if realtime is None else realtime.audio or realtime.video
    return 1024 + (len(media.data) if media is not None else 0)
