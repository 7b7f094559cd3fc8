"""What a translation leaves out or changes, for the caller to be told."""

from __future__ import annotations

from ....errors import InvalidRequest
from .fields import Fields

__all__ = ("Report",)

# Hints that change nothing of what is said: for a cache, which Gemini keeps by itself, and for
# how a tool is shown to Claude or was called by it.
_QUIET = frozenset(
    {
        "cache_control",
        "defer_loading",
        "eager_input_streaming",
        "input_examples",
        "allowed_callers",
        "caller",
        "max_characters",
        "toolset_name",
    }
)


class Report:
    """Collects names and sentences; in strict mode a loss is refused instead."""

    __slots__ = ("_dropped", "_is_strict", "warnings")

    def __init__(self, *, is_strict: bool) -> None:
        self._is_strict = is_strict
        self._dropped: dict[str, None] = {}
        self.warnings: list[str] = []

    @property
    def dropped(self) -> tuple[str, ...]:
        """The fields that were left out, each once, in the order they were met."""
        return tuple(self._dropped)

    def drop(self, name: str) -> None:
        """Leave the field ``name`` out; raises InvalidRequest in strict mode."""
        if self._is_strict:
            raise InvalidRequest(f"{name}: has no counterpart in Gemini; leave it out")
        self._dropped[name] = None

    def drop_unread(self, fields: Fields, kind: str) -> None:
        """Leave out what ``fields`` of a ``kind``, as "document", hold and nobody asked for."""
        for place in fields.unread():
            name = place.rpartition(".")[2]
            if name not in _QUIET:
                self.drop(f"{kind}.{name}")

    def warn(self, sentence: str) -> None:
        """Tell the caller ``sentence``, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
