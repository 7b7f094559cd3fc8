"""How long the answers of a Live session let their user wait; pure."""

from __future__ import annotations

from ..client.live import events
from ..client.live.events import SessionEvent

__all__ = ("TurnTiming",)

_SPOKEN = (events.Text, events.OutputTranscribed)


class TurnTiming:
    """The times of one turn, in seconds since it was asked for; None for what did not come."""

    __slots__ = ("complete", "first_audio", "first_text")

    def __init__(self) -> None:
        self.first_text: float | None = None
        self.first_audio: float | None = None
        self.complete: float | None = None

    def receive(self, at: float, event: SessionEvent) -> None:
        """Note what came ``at`` seconds after the question."""
        if isinstance(event, events.Audio):
            if self.first_audio is None:
                self.first_audio = at
        elif isinstance(event, _SPOKEN):
            if self.first_text is None:
                self.first_text = at
        elif isinstance(event, events.TurnCompleted):
            self.complete = at

    def line(self, number: int) -> str:
        """Return the times as a line about the turn of this ``number``."""
        times = {
            "first text": self.first_text,
            "first audio": self.first_audio,
            "complete": self.complete,
        }
        told = (f"{name} {at * 1000:.1f} ms" for name, at in times.items() if at is not None)
        return f"turn {number}: {', '.join(told)}"
