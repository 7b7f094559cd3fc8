"""Whether a body is JSON that is safe to look at: UTF-8, an object, neither too deep nor too wide.

Strategy. The C parser says first whether it is JSON at all, so what is counted afterwards by bytes
is well-formed: every string of it ends, and a search for strings never goes back.
"""

from __future__ import annotations

import re

import msgspec

from ..wire.dialect.refusal import Fault, Refusal
from .refused import Refused

__all__ = ("check_json",)

# What one array or object may hold; translations walk each item in Python.
_MOST_ITEMS = 65_536
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STRUCTURE = b"[]{},"
_REST = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_OPEN, _COMMA = frozenset(b"[{"), ord(",")


class _Nothing(msgspec.Struct):
    """An object of which no field is kept."""


_shape = msgspec.json.Decoder(_Nothing)


def check_json(body: bytes, max_depth: int) -> None:
    """Raise Refused unless ``body`` is a JSON object no deeper than ``max_depth``.

    No array or object of it has more than 65,536 items. Nothing of it is built: 1 µs a KiB.
    """
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise _refused(f"the body is not UTF-8 at byte {error.start}") from None
    try:
        _shape.decode(body)
    except msgspec.ValidationError:
        raise _refused("the body is JSON, but no object") from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    except msgspec.DecodeError as error:
        raise _refused(f"the body is not JSON: {error}") from None
    # More brackets or commas than that are needed to be too much, and few bodies have so many.
    if body.count(b"{") + body.count(b"[") > max_depth or body.count(b",") >= _MOST_ITEMS:
        _check_extent(body, max_depth)


def _check_extent(body: bytes, max_depth: int) -> None:
    depth = 0
    commas = [0] * (max_depth + 1)
    for byte in _STRING.sub(b"", body).translate(None, _REST):
        if byte == _COMMA:
            commas[depth] += 1
            if commas[depth] >= _MOST_ITEMS:
                raise _refused(f"an array or object of the body has more than {_MOST_ITEMS} items")
        elif byte in _OPEN:
            depth += 1
            if depth > max_depth:
                raise _too_deep(max_depth)
            commas[depth] = 0
        else:
            depth -= 1


def _too_deep(max_depth: int) -> Refused:
    return _refused(f"the body is nested deeper than {max_depth} levels")


def _refused(message: str) -> Refused:
    return Refused(Refusal(Fault.INVALID, message))
