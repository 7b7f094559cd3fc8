"""What a session needs to go on in another connection: its handle, and what the handle misses.

Messages are kept from when they are sent until a handle covers them. With transparent resumption
the service names the last message that is covered; otherwise a handle says nothing of what was on
its way when it was made. So after a loss there are three kinds of messages: those that were not
answered, not even in part, go out again, of sound and pictures only what certainly is not part of
the handle; the others are told of and never repeated, for a turn must not come twice; and realtime
audio that is too old to be conversation is told of too.

Source: https://ai.google.dev/gemini-api/docs/live-session. From where its indices count is not
written; here the first message after the setup is 1.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import msgspec

from ...wire.content import Blob
from ...wire.live.client_message import ClientMessage, RealtimeInput
from .realtime_check import pcm_rate
from .server_event import ResumptionUpdated

__all__ = (
    "HANDLE_LIFE",
    "MAX_AUDIO_AGE",
    "MAX_KEPT_AUDIO",
    "MAX_KEPT_SIZE",
    "Kept",
    "Replay",
    "Resumption",
    "is_of_the_moment",
)

HANDLE_LIFE = 2 * 60 * 60.0  # seconds after the last connection ended, on the Gemini API
MAX_KEPT_SIZE = 4 * 1024 * 1024  # bytes on the wire
MAX_KEPT_AUDIO = 10.0  # seconds of speech
MAX_AUDIO_AGE = 2.0  # seconds; older speech would answer a moment that has passed
_LEAST_SIZE = 1024  # what a message takes in memory at any rate, so that many small ones end too
_BYTES_A_SAMPLE = 2


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A message that no handle covers; ``at`` is when it was sent, ``audio`` its seconds of speech.

    ``index`` counts the messages of its connection from 1, the setup left out. ``is_ours``: it is
    not the program's, so it is neither repeated nor told of.
    """

    message: ClientMessage
    index: int
    at: float
    size: int
    audio: float = 0.0
    is_ours: bool = False

    @property
    def is_realtime(self) -> bool:
        """True for audio, video and the marks of speech, which belong to their moment."""
        return is_of_the_moment(self.message)

    @property
    def is_question(self) -> bool:
        """True for what the model is to answer: words that are complete, the end of speech."""
        content, realtime = self.message.client_content, self.message.realtime_input
        if content is not None:
            return bool(content.turn_complete)
        return realtime is not None and bool(realtime.text or realtime.activity_end is not None)

    @property
    def is_history(self) -> bool:
        """True for what the model is only to know."""
        content = self.message.client_content
        return content is not None and not content.turn_complete


class Replay(msgspec.Struct, frozen=True):
    """What to do about the messages that the handle misses.

    ``again``: to be sent again, in this order; one that the new connection refuses, as the end of
    speech whose beginning is stale, is lost. ``doubtful``: not repeated, and perhaps not known to
    the resumed session. ``stale``: realtime input that is too old. ``forgotten``: how many more
    there were, dropped because too much was kept or because their moment had passed.
    """

    again: Sequence[Kept] = ()
    doubtful: Sequence[Kept] = ()
    stale: Sequence[Kept] = ()
    forgotten: int = 0
    question_is_lost: bool = False

    @property
    def may_be_lost(self) -> int:
        """How many messages the session may not know when it goes on."""
        return len(self.doubtful) + len(self.stale) + self.forgotten


class Resumption:
    """The newest handle of a session and the messages after it, over all its connections.

    ``handle``: one to begin with, as saved by another process. ``transparent``: the service tells
    what each handle covers. Moments are seconds of one clock.
    """

    __slots__ = (
        "_answered",
        "_audio",
        "_begun",
        "_count",
        "_covered",
        "_doubtful",
        "_ended_at",
        "_failed",
        "_has_output",
        "_kept",
        "_settled",
        "_size",
        "_transparent",
        "handle",
    )

    def __init__(self, handle: str | None = None, *, transparent: bool = False) -> None:
        self.handle = handle
        self._transparent = transparent
        self._begin_connection()

    def _begin_connection(self) -> None:
        self._ended_at: float | None = None  # when the connection did
        # A few thousand at most; an empty deque takes 0.7 KiB in each session.
        self._kept: list[Kept] = []
        self._size = 0
        self._audio = 0.0
        # Indices up to which messages were sent, answered, answered in part, covered by the handle,
        # perhaps covered.
        self._count = self._answered = self._begun = self._covered = self._doubtful = 0
        self._has_output = False  # in the open turn
        self._settled = 0  # sent when the last turn ended
        self._failed: int | None = None  # the first index that certainly did not arrive

    @property
    def kept_size(self) -> int:
        """The bytes of the messages kept, each at least 1 KiB; at most ``MAX_KEPT_SIZE``."""
        return self._size

    @property
    def kept_audio(self) -> float:
        """The seconds of speech kept, at most ``MAX_KEPT_AUDIO``."""
        return self._audio

    def receive_sent(
        self, message: ClientMessage, size: int, now: float, *, is_ours: bool = False
    ) -> int:
        """Keep a message of ``size`` bytes that is sent, and return its index.

        A setup is not kept and has none, 0. What is sent again keeps its age: pass its ``at`` for
        ``now``.
        """
        if message.setup is not None:
            return 0
        self._count += 1
        seconds = _seconds(_media(message.realtime_input))
        kept = Kept(message, self._count, now, max(size, _LEAST_SIZE), seconds, is_ours)
        self._kept.append(kept)
        self._size += kept.size
        self._audio += seconds
        while self._size > MAX_KEPT_SIZE or self._audio > MAX_KEPT_AUDIO:
            self._drop_oldest()
        while self._kept and self._kept[0].is_realtime and now - self._kept[0].at > MAX_AUDIO_AGE:
            self._drop_oldest()
        return self._count

    def receive_failure(self, index: int) -> None:
        """Note that this message could not be sent, nor what came after it in its connection.

        What the service says of earlier ones may still be on its way.
        """
        self._failed = index if self._failed is None else min(self._failed, index)

    @property
    def _arrived(self) -> int:
        """The index up to which messages may have arrived."""
        return self._count if self._failed is None else self._failed - 1

    def receive_output(self) -> None:
        """Note that the model began to answer what was sent: none of it is ever repeated."""
        self._begun = self._arrived
        self._has_output = True

    def receive_turn_end(self, owed: int = 0) -> int:
        """Note that a turn ended, after which the last ``owed`` questions wait for another.

        A question that was sent after another one before anything was heard may have been answered
        with it, or may not have arrived: should the connection end, it is told of, not repeated.
        What is only to be known, and came behind the turn's first output, cut it short and waits
        too. Returns how many of the user's written messages wait.
        """
        answered = arrived = self._arrived
        asked = [one for one in self._kept if one.is_question and one.index <= arrived]
        since = [one for one in asked if one.index > self._settled]
        left = asked[-owed:] if owed else since[1:]
        known = self._kept if self._has_output else ()
        cutting = [one for one in known if one.is_history and self._begun < one.index <= arrived]
        if left:
            answered = left[0].index - 1
            self._begun = max(self._begun, answered if owed else arrived)
        if cutting:
            answered = min(answered, cutting[0].index - 1)
        self._settled = arrived
        self._has_output = False
        self._answered = max(self._answered, answered)
        waiting = [*(left if owed else ()), *cutting]
        return sum(not kept.is_realtime for kept in waiting)

    def receive_update(self, update: ResumptionUpdated) -> None:
        """Take a new handle over, and drop what it covers; one that cannot resume changes nothing.

        Without an index it covers what was answered before it came, and perhaps the rest.
        """
        if not update.resumable:
            return
        self.handle = update.handle
        if self._transparent:
            # proto3 JSON leaves a zero out.
            self._covered = max(self._covered, min(update.last_consumed or 0, self._arrived))
            self._doubtful = self._covered
        else:
            self._covered, self._doubtful = self._answered, self._arrived
        while self._kept and self._kept[0].index <= self._covered:
            self._drop_oldest()

    @property
    def is_current(self) -> bool:
        """True when another connection would know all that was answered."""
        if self.handle is None:
            return not self._count
        return self._covered >= self._answered

    def receive_loss(self, now: float) -> None:
        """Note that the connection ended; the handle's life is counted from the first of these."""
        if self._ended_at is None:
            self._ended_at = now

    def handle_at(self, now: float) -> str | None:
        """Return the handle, or None when there is none or it has outlived ``HANDLE_LIFE``."""
        if self._ended_at is not None and now - self._ended_at >= HANDLE_LIFE:
            return None
        return self.handle

    def replay(self, now: float) -> Replay:
        """Return what to do about the messages that the handle misses, and keep them no longer.

        To be asked once the new connection is set up; what is sent again is kept anew as it goes.
        """
        again, doubtful, stale = [], [], []
        is_lost = False
        answered = max(self._answered, self._begun)
        for kept in self._kept:
            if kept.is_ours:
                continue
            # No handle is made while a call is open, so none knows the call of a later response.
            # Words without an answer are in none but as words: their turn would not come twice.
            known = max(answered, self._doubtful) if kept.is_realtime else answered
            if kept.index <= known or kept.message.tool_response is not None:
                doubtful.append(kept)
                is_lost |= kept.is_question and kept.index > self._answered
            elif kept.is_realtime and now - kept.at > MAX_AUDIO_AGE:
                stale.append(kept)
            else:
                again.append(kept)
        replay = Replay(again, doubtful, stale, self._forgotten, is_lost)
        self._begin_connection()
        return replay

    def give_up_handle(self) -> None:
        """Go on without a handle: a fresh session knows nothing."""
        self.handle = None

    @property
    def _forgotten(self) -> int:
        """How many messages are neither covered nor kept; they are the oldest."""
        oldest = self._kept[0].index if self._kept else self._count + 1
        return max(0, oldest - 1 - self._covered)

    def _drop_oldest(self) -> None:
        kept = self._kept.pop(0)
        self._size -= kept.size
        # Counted anew once none is kept, so that rounding does not add up for ever.
        self._audio = max(self._audio - kept.audio, 0.0) if self._kept else 0.0


def is_of_the_moment(message: ClientMessage) -> bool:
    """True for audio, video and the marks of speech: late, they would be something else."""
    realtime = message.realtime_input
    return realtime is not None and realtime.text is None


def _media(realtime: RealtimeInput | None) -> Blob | None:
    if realtime is None:
        return None
    return realtime.audio or realtime.video or next(iter(realtime.media_chunks), None)


def _seconds(blob: Blob | None) -> float:
    """Return how long raw audio lasts, by the length of its base64; 0 for anything else."""
    if blob is None or not (blob.mime_type or "").startswith("audio/pcm"):
        return 0.0
    return _seconds_of(len(blob.data.rstrip("=")) * 3 // 4, blob.mime_type or "")


@functools.lru_cache(maxsize=64)  # programs cut speech evenly: one number for all that is kept
def _seconds_of(size: int, mime_type: str) -> float:
    return size / (_BYTES_A_SAMPLE * pcm_rate(mime_type))
