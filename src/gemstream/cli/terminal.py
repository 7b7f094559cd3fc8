"""Where a command prints: plain bytes for programs, a careful terminal for people.

On a terminal, control characters in what a model or a service wrote are made visible instead of
obeyed: an answer must not be able to move the cursor, retitle the window or fill the clipboard.
Through a pipe the text passes unchanged, in UTF-8.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

__all__ = ("Printer", "has_colour", "open_closed_streams", "stderr", "stdout", "visible")

_DEFAULT_WIDTH = 80
_SMALLEST_WIDTH = 20

# C0 as Unicode's pictures of them; a carriage return would let a line overwrite itself.
_PICTURES = {code: 0x2400 + code for code in range(0x20)}
_VISIBLE: dict[int, int | None] = {
    **_PICTURES,
    **dict.fromkeys(range(0x7F, 0xA0), 0xFFFD),
    0x09: 0x09,
    0x0A: 0x0A,
    0x0D: None,
}


class Printer:
    """One of the two output streams; what is written is flushed at once."""

    __slots__ = ("_stream", "has_colour", "has_unicode", "is_terminal")

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        self.has_colour = has_colour(environ, is_terminal=self.is_terminal)
        _settle_encoding(stream, is_terminal=self.is_terminal)
        self.has_unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"

    @property
    def width(self) -> int:
        """Columns to fill: ``COLUMNS``, else the terminal's, else 80."""
        return max(_SMALLEST_WIDTH, shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns)

    def write(self, text: str) -> None:
        """Write ``text`` as it is; raises BrokenPipeError when nobody reads it any more."""
        self._stream.write(text)
        self._stream.flush()

    def harmless(self, text: str) -> str:
        """Return what somebody else wrote as it may be written here."""
        return visible(text) if self.is_terminal else text

    def line(self, text: str = "") -> None:
        """Write one line."""
        self.write(f"{text}\n")

    def dim(self, text: str) -> str:
        """Return ``text`` in the colour of what is less important."""
        return self._styled(text, "2")

    def bold(self, text: str) -> str:
        """Return ``text`` as a headline."""
        return self._styled(text, "1")

    def tinted(self, text: str, colour: str) -> str:
        """Return ``text`` in a colour of ANSI, as ``32`` for green."""
        return self._styled(text, colour)

    def note(self, text: str) -> None:
        """Write one line that informs."""
        self.line(self._labelled("note", "36", text))

    def error(self, text: str) -> None:
        """Write one line that says what failed."""
        self.line(self._labelled("error", "1;31", text))

    def _labelled(self, label: str, colour: str, text: str) -> str:
        return f"{self._styled(f'{label}:', colour)} {visible(' '.join(text.split()))}"

    def _styled(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_colour else text


def open_closed_streams() -> None:
    """Put the null device where the shell closed a standard stream (``2>&-``).

    Else the first socket would get the stream's number, and our notes be sent to the service.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def stdout() -> Printer:
    """Return the printer of answers."""
    return Printer(sys.stdout, os.environ)


def stderr() -> Printer:
    """Return the printer of everything else."""
    return Printer(sys.stderr, os.environ)


def has_colour(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether to colour: ``NO_COLOR`` wins, then ``FORCE_COLOR``, then the terminal.

    Sources: https://no-color.org, https://force-color.org.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"


def visible(text: str) -> str:
    """Return ``text`` with its control characters shown, line ends and tabs kept."""
    return text if text.isprintable() else text.translate(_VISIBLE)


def _settle_encoding(stream: TextIO, *, is_terminal: bool) -> None:
    """Make programs always read UTF-8 with plain line ends, and a terminal never raise."""
    if isinstance(stream, io.TextIOWrapper):
        if is_terminal:
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")
