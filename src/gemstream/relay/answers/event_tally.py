"""What is known of an answer from its neutral events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...errors import GemstreamError
from ...wire.dialect.neutral import (
    Blocked,
    CallOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Media,
    RawPart,
    Started,
    Text,
    Thought,
    Usage,
)
from ...wire.usage import UsageMetadata

__all__ = ("EventTally",)


class EventTally:
    """Counts along; see ``Tally``."""

    __slots__ = (
        "_reasons",
        "chunks",
        "error",
        "has_content",
        "is_finished",
        "model_version",
        "response_id",
        "text_size",
        "usage",
    )

    def __init__(self) -> None:
        self.usage: UsageMetadata | None = None
        self.error: GemstreamError | None = None
        self.chunks = 0
        self.text_size = 0
        self.has_content = False
        self.is_finished = False
        self.response_id = ""
        self.model_version = ""
        self._reasons: dict[int, str] = {}

    @property
    def finish_reason(self) -> str:
        """The reasons, as ``STOP`` or ``STOP,MAX_TOKENS``; ``""`` before any."""
        return ",".join(self._reasons[key] for key in sorted(self._reasons))

    def receive(self, events: Iterable[Event]) -> None:
        """Take in what the answer says next."""
        for event in events:
            if type(event) is Text:  # nearly every event is
                self.has_content = True
                self.text_size += len(event.text)
            elif (note := _NOTES.get(type(event))) is not None:
                note(self, event)

    def _start(self, event: Started) -> None:
        self.response_id = event.id
        self.model_version = event.model

    def _think(self, event: Thought) -> None:
        self.has_content = True
        self.text_size += len(event.text)

    def _see(self, event: Event) -> None:
        self.has_content = True

    def _count(self, event: Usage) -> None:
        self.usage = event.value

    def _finish(self, event: Finished) -> None:
        self.has_content = True
        self._reasons[event.candidate] = event.reason

    def _block(self, event: Blocked) -> None:
        self.has_content = True
        self._reasons[-1] = event.reason

    def _fail(self, event: Failed) -> None:
        self.error = event.error

    def _end(self, event: Ended) -> None:
        self.is_finished = True


_NOTES: dict[type[Event], Callable[[EventTally, Any], None]] = {
    Started: EventTally._start,
    Thought: EventTally._think,
    CallOpened: EventTally._see,
    Media: EventTally._see,
    RawPart: EventTally._see,
    Usage: EventTally._count,
    Finished: EventTally._finish,
    Blocked: EventTally._block,
    Failed: EventTally._fail,
    Ended: EventTally._end,
}
