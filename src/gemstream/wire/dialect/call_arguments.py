"""Arguments of function calls → compact JSON, nothing lost.

Numbers stay as they were written: integers of any length, ``1.0`` and digits that no float holds.

Source of the pieces: RFC 9535 §2.7, normalized paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from ...errors import DecodeError, ProtocolError
from ..sse import MAX_EVENT_SIZE
from .gemini_chunk import PartialPiece, is_present

__all__ = ("StreamedArguments", "compact_arguments")

_EXCERPT = 200
_MAX_STEPS = 64
_MAX_INDEX = 10_000  # a list is filled up to the index a piece names
_STEP = re.compile(
    r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d{1,6})\]"
    r"|\['(?P<single>(?:[^'\\]|\\.)*)'\]|\[\"(?P<double>(?:[^\"\\]|\\.)*)\"\]",
    re.ASCII | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
Step = str | int


def _verbatim(digits: str) -> msgspec.Raw:
    return msgspec.Raw(digits.encode())


_plain = msgspec.json.Decoder(float_hook=_verbatim)


def compact_arguments(args: msgspec.Raw) -> str:
    """Return ``args`` as compact JSON with non-ASCII unescaped, ``{}`` when there are none.

    Raises DecodeError for what is no object.
    """
    if not is_present(args):
        return "{}"
    value = _plain.decode(bytes(args))
    if not isinstance(value, dict):
        shown = bytes(args)[:_EXCERPT]
        raise DecodeError(
            f"the arguments of a call should be an object, the service sent {shown!r}",
            excerpt=shown,
        )
    return _encoder.encode(value).decode()


class StreamedArguments:
    """The arguments of one call as Vertex streams them: values by their paths, texts in pieces."""

    __slots__ = ("_root", "_size")

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}
        self._size = 0

    def receive(self, piece: PartialPiece) -> None:
        """Put a piece into its place; raises DecodeError for a path that leads nowhere."""
        self._size += len(piece.json_path) + len(piece.string_value or "")
        if self._size > MAX_EVENT_SIZE:
            raise ProtocolError(f"the arguments of a call exceed {MAX_EVENT_SIZE} bytes")
        steps = [*_steps(piece.json_path)]
        node: Any = self._root
        for step, following in pairwise(steps):
            inner: Any = [] if isinstance(following, int) else {}
            node = _entered(node, step, inner, piece)
        value = _value(piece)
        kept = _entered(node, steps[-1], value, piece)
        if kept is not value:
            _join(node, steps[-1], kept, value)

    def json(self) -> str:
        """Return the arguments so far as compact JSON."""
        return _encoder.encode(self._root).decode()


class _Text:
    """A text in pieces, joined once."""

    __slots__ = ("pieces",)

    def __init__(self, first: str) -> None:
        self.pieces = [first]


def _joined(value: Any) -> Any:
    assert isinstance(value, _Text)
    return "".join(value.pieces)


_encoder = msgspec.json.Encoder(enc_hook=_joined)


def _value(piece: PartialPiece) -> Any:
    if piece.string_value is not None:
        return _Text(piece.string_value)
    if piece.bool_value is not None:
        return piece.bool_value
    return piece.number_value if is_present(piece.number_value) else None


def _join(node: Any, step: Step, kept: Any, value: Any) -> None:
    """Lengthen a text; anything else is replaced by what came later."""
    if isinstance(kept, _Text) and isinstance(value, _Text):
        kept.pieces += value.pieces
    else:
        node[step] = value


def _entered(node: Any, step: Step, empty: Any, piece: PartialPiece) -> Any:
    """Return what stands at ``step`` of ``node``, put there as ``empty`` when nothing does."""
    if isinstance(node, dict) and isinstance(step, str):
        return node.setdefault(step, empty)
    if isinstance(node, list) and isinstance(step, int) and step < _MAX_INDEX:
        while len(node) <= step:
            node.append(None)
        if node[step] is None:
            node[step] = empty
        return node[step]
    raise _leads_nowhere(piece.json_path)


def _steps(path: str) -> Iterator[Step]:
    position, count = 1, 0
    while (found := _STEP.match(path, position)) and count < _MAX_STEPS:
        position, count = found.end(), count + 1
        if found["index"] is not None:
            yield int(found["index"])
        elif found["name"] is not None:
            yield found["name"]
        else:
            yield _ESCAPE.sub(_unescaped, found["single"] or found["double"] or "")
    if position != len(path) or not count or path[0] != "$":
        raise _leads_nowhere(path)


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2])


def _leads_nowhere(path: str) -> DecodeError:
    return DecodeError(
        f"a piece of a call's arguments stands at {path[:_EXCERPT]!r}, which leads nowhere",
        excerpt=path[:_EXCERPT].encode("utf-8", "replace"),
    )
