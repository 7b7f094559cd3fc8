"""What a turn of a Live session took, measured from its question.

A question's moment is known when it was written, or when the program marked the end of speech.
When the service finds the end of speech, it is not: such a turn is measured from its first output.
"""

from __future__ import annotations

import msgspec

from ...wire.live.client_message import ClientMessage
from ...wire.usage import UsageMetadata

__all__ = ("TurnRecord", "TurnRecorder", "is_question")

# Far more than anybody asks before the model says a word; an endless asker cannot fill memory.
_MOST_QUESTIONS = 64


class TurnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One turn that is over; all times in seconds.

    ``asked``: the moment of its question is known. ``seconds``: from its last question to its end,
    from its first output when no question is known. ``first_output_seconds``: from that question to
    the first output; None without one of them.
    """

    asked: bool = False
    seconds: float = 0.0
    first_output_seconds: float | None = None
    interrupted: bool = False
    tool_calls: int = 0
    usage: UsageMetadata | None = None


class TurnRecorder:
    """Measures one turn after the other; each moment is given in seconds."""

    __slots__ = ("_asked_at", "_first_at", "_interrupted", "_questions", "_tool_calls", "_usage")

    def __init__(self) -> None:
        # Of no turn as yet; an empty deque takes 0.7 KiB in each session.
        self._questions: list[float] = []
        self._asked_at: float | None = None  # the open turn's question, once it has output
        self._first_at: float | None = None
        self._interrupted = False
        self._tool_calls = 0
        self._usage: UsageMetadata | None = None

    @property
    def has_output(self) -> bool:
        """True once the model has said something in the open turn."""
        return self._first_at is not None

    def ask(self, now: float) -> None:
        """Note a question; one that comes after the first output is for the next turn."""
        self._questions.append(now)
        del self._questions[:-_MOST_QUESTIONS]

    def begin_output(self, now: float) -> None:
        """Note the first output: it answers all that was asked until then."""
        self._first_at = now
        self._asked_at = self._questions[-1] if self._questions else None
        self._questions.clear()

    def call(self, count: int) -> None:
        """Note functions that the model calls."""
        self._tool_calls += count

    def interrupt(self) -> None:
        """Note that the turn is cut short."""
        self._interrupted = True

    def use(self, usage: UsageMetadata) -> None:
        """Note token counts: the newest of a turn are its own."""
        self._usage = usage

    def end(self, now: float) -> TurnRecord:
        """Return the turn that ends, and go on to the next."""
        if self._first_at is None and self._questions:
            # Cut short before it said anything, it takes one question along and not its successor.
            self._asked_at = self._questions[0 if self._interrupted else -1]
            if self._interrupted:
                self._questions.pop(0)
            else:
                self._questions.clear()
        return self._ended(now)

    def break_off(self, now: float, *, is_lost: bool) -> TurnRecord | None:
        """Return the turn that will never end; None when there is none.

        ``is_lost``: so is what was asked; else it is asked again, and only what had begun is over.
        """
        if is_lost and not self.has_output and self._questions:
            self._asked_at = self._questions[-1]
        is_over = self.has_output or self._asked_at is not None
        if is_lost:
            self._questions.clear()
        return self._ended(now) if is_over else None

    def _ended(self, now: float) -> TurnRecord:
        asked, first = self._asked_at, self._first_at
        since = first if asked is None else asked
        record = TurnRecord(
            asked=asked is not None,
            seconds=0.0 if since is None else now - since,
            first_output_seconds=None if asked is None or first is None else first - asked,
            interrupted=self._interrupted,
            tool_calls=self._tool_calls,
            usage=self._usage,
        )
        self._asked_at = self._first_at = self._usage = None
        self._interrupted, self._tool_calls = False, 0
        return record


def is_question(message: ClientMessage) -> bool:
    """Return whether ``message`` is all that the model waits for."""
    realtime, content = message.realtime_input, message.client_content
    if realtime is not None:
        return realtime.text is not None or realtime.activity_end is not None
    return content is not None and bool(content.turn_complete)
