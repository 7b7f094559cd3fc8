"""What a translation leaves out or changes, for the caller to be told."""

from __future__ import annotations

from ..invalid_parameter import InvalidParameter

__all__ = ("Report",)


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

    def drop(self, param: str) -> None:
        """Leave the field ``param`` out; raises InvalidParameter in strict mode."""
        if self._is_strict:
            raise InvalidParameter(
                f"{param} has no counterpart in Gemini: leave it out",
                param=param,
                code="unsupported_parameter",
            )
        self._dropped[param] = None

    def warn(self, sentence: str) -> None:
        """Tell the caller ``sentence``, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
