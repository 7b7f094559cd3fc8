"""What can go wrong, in scripts and on the wire, told from the faults' own definitions."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from ..tcp.toxics import TOXICS
from .faults import FAULTS
from .live_faults import LIVE_FAULTS

__all__ = ("FaultEntry", "FaultField", "fault_list", "live_fault_list", "toxic_list")


class FaultField(msgspec.Struct, frozen=True):
    """One field of a fault: its name, its type in words, its default (None: not given)."""

    name: str
    type: str
    default: Any


class FaultEntry(msgspec.Struct, frozen=True):
    """One fault or toxic: its ``kind``, one sentence, its fields."""

    kind: str
    sentence: str
    fields: Sequence[FaultField]


def fault_list() -> list[FaultEntry]:
    """Return every fault of the scripts, in the order of the reference."""
    return _entries(FAULTS)


def live_fault_list() -> list[FaultEntry]:
    """Return every fault that only a Live session has."""
    return _entries(LIVE_FAULTS)


def toxic_list() -> list[FaultEntry]:
    """Return every toxic of the wire, in the order of the reference."""
    return _entries(TOXICS)


def _entries(kinds: Mapping[str, type[msgspec.Struct]]) -> list[FaultEntry]:
    return [FaultEntry(kind, _sentence(fault), _fields(fault)) for kind, fault in kinds.items()]


def _sentence(fault: type[msgspec.Struct]) -> str:
    """Return the first paragraph of the docstring on one line, its names marked as in Markdown."""
    return " ".join((fault.__doc__ or "").partition("\n\n")[0].split()).replace("``", "`")


def _fields(fault: type[msgspec.Struct]) -> list[FaultField]:
    hints = get_type_hints(fault)
    return [
        FaultField(field.name, _words(hints[field.name]), _plain(field.default))
        for field in msgspec.structs.fields(fault)
    ]


def _plain(default: Any) -> Any:
    if default is msgspec.NODEFAULT:
        return None
    if isinstance(default, enum.Enum):
        return default.value
    return list(default) if isinstance(default, tuple) else default


def _words(hint: Any) -> str:
    """Return a type as the author of a script knows it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(one) for one in arguments if one is not type(None))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " or ".join(repr(member.value) for member in hint)
    if origin is Sequence:
        return f"array of {_words(arguments[0])}"
    return _WORDS.get(origin or hint, str(hint))


_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "table",
}
