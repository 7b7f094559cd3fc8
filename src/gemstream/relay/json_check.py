"""Whether a body is JSON that is safe to look at: UTF-8, an object, not nested too deeply."""

from __future__ import annotations

import re

import msgspec

from ..wire.dialect.refusal import Fault, Refusal
from .refused import Refused

__all__ = ("check_json",)

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_OPEN = b"[{"


class _Nothing(msgspec.Struct):
    """An object of which no field is kept."""


_shape = msgspec.json.Decoder(_Nothing)


def check_json(body: bytes, max_depth: int) -> None:
    """Raise Refused unless ``body`` is a JSON object no deeper than ``max_depth``.

    Nothing of it is built: 1 µs a KiB.
    """
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise _refused(f"the body is not UTF-8 at byte {error.start}") from None
    # More brackets than that are needed to be too deep, and few bodies have so many.
    if body.count(b"{") + body.count(b"[") > max_depth:
        _check_depth(body, max_depth)
    try:
        _shape.decode(body)
    except msgspec.ValidationError:
        raise _refused("the body is JSON, but no object") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(f"the body is not JSON: {error}") from None


def _check_depth(body: bytes, max_depth: int) -> None:
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in _OPEN else -1
        if depth > max_depth:
            raise _refused(f"the body is nested deeper than {max_depth} levels")


def _refused(message: str) -> Refused:
    return Refused(Refusal(Fault.INVALID, message))
