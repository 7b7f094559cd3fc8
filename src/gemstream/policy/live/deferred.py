"""Realtime input that comes while there is no connection: kept for its moment, no longer."""

from __future__ import annotations

from ...wire.live.client_message import ClientMessage
from .resumption import MAX_AUDIO_AGE, MAX_KEPT_SIZE

__all__ = ("Deferred",)


class Deferred:
    """Messages in order, each with when it was to be sent."""

    __slots__ = ("_dropped", "_has_question", "_messages", "_size")

    def __init__(self) -> None:
        # Seconds of it at most, and an empty deque takes 0.7 KiB in each session.
        self._messages: list[tuple[ClientMessage, int, float]] = []
        self._size = 0
        self._dropped = 0
        self._has_question = False

    def put(self, message: ClientMessage, now: float) -> None:
        """Keep a message of realtime input; the oldest give way when it grows too much."""
        size = _size(message)
        self._messages.append((message, size, now))
        self._size += size
        realtime = message.realtime_input
        self._has_question |= realtime is not None and realtime.activity_end is not None
        self._drop_stale(now)
        while self._size > MAX_KEPT_SIZE:
            self._drop()

    def take(self, now: float) -> list[tuple[ClientMessage, float]]:
        """Return the messages that are still fresh, each with its moment, and keep none."""
        self._drop_stale(now)
        fresh = [(message, at) for message, _, at in self._messages]
        self._messages.clear()
        self._size = 0
        return fresh

    def take_question(self) -> bool:
        """Return whether speech was ended, which asks for an answer, since this was asked last."""
        had_question, self._has_question = self._has_question, False
        return had_question

    def take_dropped(self) -> int:
        """Return how many were given up since this was asked last."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _drop_stale(self, now: float) -> None:
        while self._messages and now - self._messages[0][2] > MAX_AUDIO_AGE:
            self._drop()

    def _drop(self) -> None:
        self._size -= self._messages.pop(0)[1]
        self._dropped += 1


def _size(message: ClientMessage) -> int:
    """Return roughly what ``message`` takes in memory."""
    realtime = message.realtime_input
    media = None if realtime is None else realtime.audio or realtime.video
    return 1024 + (len(media.data) if media is not None else 0)
