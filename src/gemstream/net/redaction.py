"""Values of JSON taken out of bodies before they are stored, wherever the reads were cut.

Strategy. A body is read as tokens, in whatever framing its JSON documents stand: alone, in an
array, in server-sent events. Only the values at the given paths are replaced; every other byte
stays, so a redacted recording still breaks where the original broke. A value that is cut off is
replaced as far as it goes. Never decodes a document: a half one has secrets too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import msgspec

from ..errors import ConfigError
from .recording_file import Read

__all__ = ("REPLACEMENT", "Redaction")

# Eight letters: as text it is readable, and as base64 it is valid.
REPLACEMENT = "REDACTED"
_STRING = b'"' + REPLACEMENT.encode() + b'"'
_NAME = re.compile(r"[^.\[\]*$\s]+")

_TOKEN = re.compile(
    rb"""
      (?:(?<=\n\n)|(?<=\r\n\r\n)|(?<=\r\r)|\A) (?P<event>(?:data|event|id|retry)?:)
    | (?:(?<=[\r\n])|\A) (?: data: | :[^\r\n]* )
    | (?P<string>"(?:[^"\\\r\n]++|\\.)*+"?)
    | (?P<open>[{\[])
    | (?P<close>[}\]])
    | (?P<comma>,)
    | (?P<scalar>[^\s"{}\[\],:]++)
    """,
    re.VERBOSE,
)


class _Edit(msgspec.Struct, frozen=True):
    start: int
    end: int
    value: bytes


class Redaction:
    """The paths whose values are replaced: names joined by dots, as ``contents.parts.text``.

    Arrays are passed through: ``contents[*].parts[*].text`` and ``$.contents.parts.text`` say the
    same. A string becomes ``"REDACTED"``, any other value ``null``. Raises ConfigError for a path
    that is none.
    """

    __slots__ = ("_paths",)

    def __init__(self, paths: Sequence[str] = ()) -> None:
        self._paths = frozenset(map(_names_of, paths))

    def body(self, body: bytes) -> bytes:
        """Return ``body`` with the values replaced."""
        return b"".join(read.data for read in self.reads([Read(0, body)]))

    def reads(self, reads: Sequence[Read]) -> Sequence[Read]:
        """Return ``reads`` with the values replaced.

        A replaced value comes whole with the read that brought its last byte; a read that has
        nothing left is dropped.
        """
        if not self._paths:
            return reads
        body = b"".join(read.data for read in reads)
        edits = list(_Scanner(self._paths, body).edits())
        ends = list(_moved(accumulate(len(read.data) for read in reads), edits))
        edited = _applied(body, edits)
        starts = [0, *ends]
        return [
            Read(read.at_ms, edited[start:end])
            for read, start, end in zip(reads, starts, ends, strict=False)
            if end > start
        ]


def _names_of(path: str) -> tuple[str, ...]:
    names = path.removeprefix("$.").replace("[*]", "").split(".")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"redact: {path!r} is not a path of JSON; write names joined by dots, as "
                "contents.parts.text; arrays are passed through, or written [*]"
            )
    return tuple(names)


class _Container(msgspec.Struct):
    """An object or array that is open, and the path of its values."""

    is_object: bool
    path: tuple[str, ...]
    key: str | None = None  # of the value to come; None where a key is to come


class _Scanner:
    """One pass over a body's tokens."""

    __slots__ = ("_begun", "_body", "_longest", "_paths", "_stack")

    def __init__(self, paths: frozenset[tuple[str, ...]], body: bytes) -> None:
        self._paths = paths
        self._longest = max(map(len, paths))
        self._body = body
        self._stack: list[_Container] = []
        self._begun: tuple[int, int] | None = None  # of a replaced container: depth and place

    def edits(self) -> Iterator[_Edit]:
        """Yield the replacements in their order."""
        for token in _TOKEN.finditer(self._body):
            edit = self._receive(token)
            if edit is not None:
                yield edit
        if self._begun is not None:
            yield _Edit(self._begun[1], len(self._body), b"null")

    def _receive(self, token: re.Match[bytes]) -> _Edit | None:
        match token.lastgroup:
            case "event":  # after a blank line: a new document, also where the last one broke off
                return self._restart(token.start())
            case "string" | "scalar":
                return self._scalar(token)
            case "open":
                self._open(token)
            case "close":
                return self._close(token.end())
            case "comma" if self._stack:
                self._stack[-1].key = None
        return None

    def _restart(self, at: int) -> _Edit | None:
        begun, self._begun = self._begun, None
        self._stack.clear()
        while self._body[at - 1 : at] in (b"\r", b"\n"):  # the lines keep their ends
            at -= 1
        return None if begun is None else _Edit(begun[1], at, b"null")

    def _scalar(self, token: re.Match[bytes]) -> _Edit | None:
        if not self._stack:
            return None  # between documents: event:, id:, a comment
        top = self._stack[-1]
        if top.is_object and top.key is None:
            top.key = _text(token[0])
            return None
        if self._begun is not None or self._path_here() not in self._paths:
            return None
        value = _STRING if token.lastgroup == "string" else b"null"
        return _Edit(token.start(), token.end(), value)

    def _open(self, token: re.Match[bytes]) -> None:
        path = self._path_here()
        if self._begun is None and path in self._paths:
            self._begun = (len(self._stack), token.start())
        self._stack.append(_Container(token[0] == b"{", path))

    def _close(self, at: int) -> _Edit | None:
        if self._stack:
            self._stack.pop()
        if self._begun is None or len(self._stack) > self._begun[0]:
            return None
        start, self._begun = self._begun[1], None
        return _Edit(start, at, b"null")

    def _path_here(self) -> tuple[str, ...]:
        if not self._stack:
            return ()
        top = self._stack[-1]
        if not top.is_object or len(top.path) > self._longest:
            return top.path  # deeper than any path asked for: it need not grow any more
        return (*top.path, top.key or "")


def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:  # cut off, or no UTF-8: no name that anyone asked for
        return ""


def _moved(ends: Iterable[int], edits: Sequence[_Edit]) -> Iterator[int]:
    """Yield where the ends of the reads stand in the edited body."""
    shift, passed = 0, 0
    for end in ends:
        while passed < len(edits) and edits[passed].end <= end:
            edit = edits[passed]
            shift += len(edit.value) - (edit.end - edit.start)
            passed += 1
        is_inside = passed < len(edits) and edits[passed].start < end
        yield (edits[passed].start if is_inside else end) + shift


def _applied(body: bytes, edits: Sequence[_Edit]) -> bytes:
    pieces, position = [], 0
    for edit in edits:
        pieces += [body[position : edit.start], edit.value]
        position = edit.end
    return b"".join([*pieces, body[position:]])
