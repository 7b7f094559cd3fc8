"""The forms a conversation takes on stdout: the words of the model, or JSON lines."""

from __future__ import annotations

from typing import Protocol

from ..client.live import events
from ..client.live.events import SessionEvent
from ..wire.codec import encode
from .live_events import LiveOutcome, end_fields, event_fields
from .terminal import Printer

__all__ = ("LiveForm", "LiveJSONLines", "LiveText", "live_form_of")


class LiveForm(Protocol):
    """How a conversation is shown."""

    def show(self, at: float, event: SessionEvent) -> None:
        """Show what happened ``at`` seconds after the question."""
        ...

    def new_line(self) -> None:
        """On a terminal, begin a new line within an answer: something else is said there."""
        ...

    def break_off(self) -> None:
        """End the line that an interrupted answer stands in."""
        ...

    def show_end(self, outcome: LiveOutcome) -> None:
        """Show how it ended; called once."""
        ...


def live_form_of(out: Printer, *, jsonl: bool) -> LiveForm:
    """Return the form that the options ask for."""
    return LiveJSONLines(out) if jsonl else LiveText(out)


class LiveText:
    """The words of each answer as they come, and one newline behind it."""

    __slots__ = ("_ends_line", "_has_begun", "_out")

    def __init__(self, out: Printer) -> None:
        self._out = out
        self._has_begun = False
        self._ends_line = False

    def show(self, at: float, event: SessionEvent) -> None:
        """Write what the model says; end the line with the turn."""
        if isinstance(event, events.Text | events.OutputTranscribed):
            if event.text:
                self._has_begun = True
                self._ends_line = event.text.endswith("\n")
                self._out.write(self._out.harmless(event.text))
        elif isinstance(event, events.TurnCompleted):
            self.break_off()

    def new_line(self) -> None:
        """End the line that the answer stands in; a pipe gets nothing but the answer."""
        if self._out.is_terminal and self._has_begun and not self._ends_line:
            self._out.line()
            self._ends_line = True

    def break_off(self) -> None:
        """End the last line; on a terminal only if it lacks its end."""
        if self._has_begun and not (self._out.is_terminal and self._ends_line):
            self._out.line()
        self._has_begun = False

    def show_end(self, outcome: LiveOutcome) -> None:
        """End an answer that broke off."""
        self.break_off()


class LiveJSONLines:
    """A line of JSON for each event as it comes, then one that tells how it ended."""

    __slots__ = ("_out",)

    def __init__(self, out: Printer) -> None:
        self._out = out

    def show(self, at: float, event: SessionEvent) -> None:
        """Write the event's line."""
        self._out.line(encode(event_fields(round(at * 1000, 3), event)).decode())

    def new_line(self) -> None:
        """Do nothing: every line is whole."""

    def break_off(self) -> None:
        """Do nothing: every line is whole."""

    def show_end(self, outcome: LiveOutcome) -> None:
        """Write the last line."""
        self._out.line(encode(end_fields(outcome)).decode())
