"""What a translation leaves out or changes, for the caller to be told.

It is told in headers, and much of it are the caller's own words: so nothing but printable ASCII
comes out, and not much of it.
"""

from __future__ import annotations

import re

from ..invalid_parameter import InvalidParameter

__all__ = ("Report",)

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_NO_NAME = re.compile(r"[^A-Za-z0-9_.\[\]-]")
_MAX_NAME = 64
_MAX_SENTENCE = 200
# Servers and clients take 8 KiB of headers at least: 32 names and 8 sentences are half of it.
_MAX_NAMES = 32
_MAX_SENTENCES = 8


class Report:
    """Collects names and sentences; in strict mode a loss is refused instead."""

    __slots__ = ("_dropped", "_is_strict", "_warnings")

    def __init__(self, *, is_strict: bool) -> None:
        self._is_strict = is_strict
        self._dropped: dict[str, None] = {}
        self._warnings: dict[str, None] = {}

    @property
    def dropped(self) -> tuple[str, ...]:
        """The fields that were left out, each once, in the order they were met; 32 at most."""
        return tuple(self._dropped)[:_MAX_NAMES]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences, each once; 8 at most."""
        return tuple(self._warnings)[:_MAX_SENTENCES]

    def drop(self, param: str) -> None:
        """Leave the field ``param`` out; raises InvalidParameter in strict mode."""
        if self._is_strict:
            raise InvalidParameter(
                f"{param} has no counterpart in Gemini: leave it out",
                param=param,
                code="unsupported_parameter",
            )
        self._dropped[_NO_NAME.sub("?", param[:_MAX_NAME])] = None

    def warn(self, sentence: str) -> None:
        """Tell the caller ``sentence``."""
        self._warnings[_UNPRINTABLE.sub("?", sentence[:_MAX_SENTENCE])] = None
