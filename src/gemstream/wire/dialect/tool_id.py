"""Ids of function calls: the upstream's where callers can take it, else one of our own.

Ours follow from a seed, so the same stream read twice has the same ids.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ("ANTHROPIC_PREFIX", "OPENAI_PREFIX", "ToolIds", "is_usable_id")

OPENAI_PREFIX = "call_"
ANTHROPIC_PREFIX = "toolu_"

# Anthropic takes no other characters, OpenAI 64 of them at most.
_USABLE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_DIGITS = 24


def is_usable_id(value: str | None) -> bool:
    """Return whether an id may go to callers of any dialect as it is."""
    return value is not None and _USABLE.fullmatch(value) is not None


class ToolIds:
    """Gives each call of one stream its id; ``seed`` is unguessable and the stream's own."""

    __slots__ = ("_given", "_prefix", "_seed")

    def __init__(self, seed: str, prefix: str) -> None:
        self._seed = seed
        self._prefix = prefix
        self._given: set[str] = set()

    def give(self, upstream: str | None, *, candidate: int, number: int) -> str:
        """Return the id of a call that opens: ``upstream``'s, unless unusable or given before."""
        if upstream is None or upstream in self._given or not is_usable_id(upstream):
            upstream = self._made(candidate, number)
        self._given.add(upstream)
        return upstream

    def _made(self, candidate: int, number: int) -> str:
        place = f"{self._seed}/{candidate}/{number}".encode()
        return self._prefix + hashlib.sha256(place).hexdigest()[:_DIGITS]
