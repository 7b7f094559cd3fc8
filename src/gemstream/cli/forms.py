"""The forms an answer takes on stdout: bare text, timed text, one JSON object, JSON lines.

Each shows a chunk in the moment it arrives, and the outcome at the end. What is not the answer
goes to stderr, in every form the same.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..errors import InvalidRequest
from ..policy.answer import Answer
from ..wire.codec import encode
from .outcome import Outcome
from .summary import chunk_fields, summary
from .terminal import Printer
from .timing import report

__all__ = ("Form", "JSONLines", "JSONObject", "PlainText", "TimedText", "form_of")


class Form(Protocol):
    """How an answer is shown."""

    def show_chunk(self, at: float, chunk: Answer) -> None:
        """Show what arrived ``at`` seconds after the request."""
        ...

    def show_end(self, outcome: Outcome) -> None:
        """Show how it ended; called once, also when nothing arrived."""
        ...


def form_of(out: Printer, *, json: bool, jsonl: bool, timing: bool) -> Form:
    """Return the form that the options ask for; raises InvalidRequest when they disagree."""
    if json and jsonl:
        raise InvalidRequest("--json and --jsonl exclude each other; choose one")
    if json:
        return JSONObject(out)
    if jsonl:
        return JSONLines(out)
    return TimedText(out) if timing else PlainText(out)


class PlainText:
    """The text as it comes; at the end one newline, on a terminal only if it lacks one."""

    __slots__ = ("_ends_line", "_has_begun", "_out")

    def __init__(self, out: Printer) -> None:
        self._out = out
        self._has_begun = False
        self._ends_line = False

    def show_chunk(self, at: float, chunk: Answer) -> None:
        """Write the chunk's text, if it has any."""
        if text := chunk.text:
            self._has_begun = True
            self._ends_line = text.endswith("\n")
            self._out.write(self._out.harmless(text))

    def show_end(self, outcome: Outcome) -> None:
        """End the last line."""
        if self._has_begun and not (self._out.is_terminal and self._ends_line):
            self._out.line()


class TimedText:
    """A line for each chunk with the milliseconds it took, then statistics and a chart."""

    __slots__ = ("_out",)

    def __init__(self, out: Printer) -> None:
        self._out = out

    def show_chunk(self, at: float, chunk: Answer) -> None:
        """Write ``[elapsed ms]`` and the text, its line ends as signs so that it stays a line."""
        out = self._out
        text = out.harmless(self._on_one_line(_shown(chunk)))
        out.line(f"{out.dim(f'[{at * 1000:7.1f} ms]')} {text}")

    def show_end(self, outcome: Outcome) -> None:
        """Write the report, below an empty line."""
        out = self._out
        lines = report(outcome.timing, width=out.width, unicode=out.has_unicode)
        for line in ["", *lines] if lines else []:
            out.line(line)

    def _on_one_line(self, text: str) -> str:
        return text.replace("\r\n", "\n").replace("\n", "⏎" if self._out.has_unicode else "\\n")


class JSONObject:
    """One object, when the answer is over."""

    __slots__ = ("_out",)

    def __init__(self, out: Printer) -> None:
        self._out = out

    def show_chunk(self, at: float, chunk: Answer) -> None:
        """Show nothing yet."""

    def show_end(self, outcome: Outcome) -> None:
        """Write the object."""
        _write_json(self._out, summary(outcome))


class JSONLines:
    """A line of JSON for each chunk as it arrives, then the object of ``--json``."""

    __slots__ = ("_out",)

    def __init__(self, out: Printer) -> None:
        self._out = out

    def show_chunk(self, at: float, chunk: Answer) -> None:
        """Write the chunk's line."""
        _write_json(self._out, chunk_fields(round(at * 1000, 3), chunk))

    def show_end(self, outcome: Outcome) -> None:
        """Write the last line."""
        _write_json(self._out, summary(outcome))


def _shown(chunk: Answer) -> str:
    if chunk.text:
        return chunk.text
    if chunk.thoughts:
        return f"(thought) {chunk.thoughts}"
    reason = chunk.block_reason or chunk.finish_reason
    return f"({reason})" if reason else "(no text)"


def _write_json(out: Printer, fields: dict[str, Any]) -> None:
    out.line(encode(fields).decode())
